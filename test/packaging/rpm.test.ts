import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../daemons/lib/daemon/program.ts';
import { sha256Of } from '../../daemons/lib/objects/sha256.ts';
import { packagesFolder, rpmPackages } from '../support/installed-root.ts';
import { layOutSources } from '../support/rpm-build.ts';

const timeoutMs = 600_000;
const said = async (program: string, ...args: readonly string[]) =>
  (await run(program, args, { timeoutMs })).stdout.toString('utf8');
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');
const hashOf = (path: string) => sha256Of(readFileSync(path));

describe('the RPM packages', () => {
  let folder: string;
  let daemons: string;
  let dom0: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rpm-'));
    const names = await rpmPackages();
    expect(names).toHaveLength(2);
    [daemons = '', dom0 = ''] = names;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const at = (name: string) => join(packagesFolder, name);

  it('are the same when they are built again on another path', async () => {
    layOutSources(join(folder, 'again'));
    const epoch = (await said('dpkg-parsechangelog', '--show-field', 'Timestamp')).trim();
    for (const name of ['package-rebuilder', 'package-rebuilder-dom0']) {
      const spec = join(folder, 'again/SPECS', `${name}.spec`);
      const args = ['-bb', '--nodeps', '--define', `_topdir ${join(folder, 'again')}`, spec];
      await run('rpmbuild', args, { timeoutMs, env: { SOURCE_DATE_EPOCH: epoch } });
    }
    const again = linesOf(await said('find', join(folder, 'again/RPMS'), '-name', '*.rpm'));
    expect(again.map(hashOf).sort()).toEqual([daemons, dom0].map((name) => hashOf(at(name))).sort());
  });

  it('have nothing that rpmlint finds and that has no reason', async () => {
    const { stdout } = await run('rpmlint', ['-r', 'rpm/rpmlintrc', at(daemons), at(dom0)], { timeoutMs });
    expect(stdout.toString()).toMatch(/ 0 errors, /);
  });

  it('hold the files of the Debian package and no others, and leave nothing behind', async () => {
    const deb = readdirSync(packagesFolder).find((name) => name.startsWith('package-rebuilder_')) ?? '';
    const listed = linesOf(await said('dpkg-deb', '--contents', at(deb)))
      .map((line) => line.replace(/^(?:\S+\s+){5}\./, '').replace(/ (?:->|link to) .*$/, ''))
      .filter((path) => !path.endsWith('/') && !path.startsWith('/usr/share/'));
    const root = join(folder, 'root');
    const rpm = (...args: readonly string[]) => said('rpm', '--root', root, ...args);
    await said('mkdir', root);
    await rpm('--initdb');
    await rpm('--install', '--nodeps', '--noscripts', '--ignorearch', at(daemons));
    const held = linesOf(
      await rpm('--query', '--queryformat', '[%{FILEMODES:perms} %{FILENAMES}\\n]', 'package-rebuilder'),
    )
      .filter((line) => !line.startsWith('d'))
      .map((line) => line.slice(line.indexOf(' ') + 1))
      .filter((path) => !path.startsWith('/usr/share/'));
    expect(held.sort()).toEqual(listed.sort());
    expect(existsSync(join(root, 'usr/lib/package-rebuilder/attester.js'))).toBe(true);
    await rpm('--verify', '--nodeps', '--nouser', '--nogroup', 'package-rebuilder');
    await rpm('--erase', '--nodeps', '--noscripts', 'package-rebuilder');
    const left = await said('find', root, '-path', '*package-rebuilder*', '-not', '-path', '*/lib/rpm/*');
    expect(linesOf(left)).toEqual([]);
  });

  it('carry into dom0 Salt as it stands, and what the templates get, and no policy', async () => {
    const list = linesOf(await said('rpm', '--query', '--package', '--list', at(dom0)));
    const salt = linesOf(await said('git', 'ls-files', 'salt/package-rebuilder')).map(
      (path) => `/srv/${path}`,
    );
    for (const path of salt) expect(list).toContain(path);
    const carried = list.filter((path) => /\.(?:deb|rpm)$/.test(path)).map((path) => path.split('/').at(-1));
    expect(carried.sort()).toEqual(
      [
        daemons,
        ...readdirSync(packagesFolder).filter((name) => name.startsWith('package-rebuilder_')),
      ].sort(),
    );
    expect(list.some((path) => path.startsWith('/etc/'))).toBe(false);
    const scripts = await said('rpm', '--query', '--package', '--scripts', at(dom0));
    expect(scripts).toContain('qubesctl top.enable package-rebuilder pillar=True');
  });
});
