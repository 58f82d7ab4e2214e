import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAptItems } from '../../../../daemons/rebuilderctl/client/apt.ts';
import { aptPlacesOf } from '../../../../daemons/rebuilderctl/client/apt-places.ts';
import { Root } from '../../../../daemons/rebuilderctl/client/root.ts';
import { VerifiersMachine } from '../../../support/verifiers-machine.ts';

describe('aptPlacesOf', () => {
  let machine: VerifiersMachine;
  beforeAll(() => {
    machine = new VerifiersMachine();
  });
  afterAll(() => machine.remove());

  /** What apt itself makes of an option's path, seen from the machine's root. */
  function asApt(option: string): string {
    const conf = join(machine.root, 'asked.conf');
    machine.write('/asked.conf', `Dir "${machine.root}/";\n`);
    const said = execFileSync('apt-config', ['shell', 'PATH_OF', option], {
      env: { ...process.env, APT_CONFIG: conf },
      encoding: 'utf8',
    });
    const path = /^PATH_OF='(.*)'$/m.exec(said)?.[1] ?? '';
    const here = path.startsWith(`${machine.root}/`) ? path.slice(machine.root.length) : path;
    return here.replace(/(?<=.)\/$/, '');
  }

  it.each([
    '',
    'Dir::Etc::SourceParts "other.d"; Dir::Etc::SourceList "other/list";',
    'dir::etc "etc/other/"; DIR::ETC::SOURCELIST "x";',
    'Dir::Etc "/srv/apt"; Dir::Etc::SourceList "./x"; Dir::Etc::SourceParts "../x";',
    'Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "/dev/null";',
    'Dir::Bin::Methods::intoto "http"; Dir::Bin::Methods "lib/methods";',
    'Dir::Bin::Methods::intoto "/usr/local/bin/x"; Dir::Bin "usr"; Dir::Bin::Methods "m/";',
  ])('finds what apt finds by: %s', async (text) => {
    machine.write('/etc/apt/apt.conf.d/99own', `${text}\n`);
    const root = await Root.open(machine.root);
    const { sourceList, sourceParts, methods } = aptPlacesOf(root, await readAptItems(root));
    expect({ sourceList, sourceParts }).toEqual({
      sourceList: asApt('Dir::Etc::sourcelist/f'),
      sourceParts: asApt('Dir::Etc::sourceparts/d'),
    });
    expect(methods.intoto).toBe(
      text.includes('Methods::intoto')
        ? asApt('Dir::Bin::Methods::intoto/f')
        : join(asApt('Dir::Bin::Methods/d'), 'intoto'),
    );
  });
});
