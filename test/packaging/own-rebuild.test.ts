import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Of } from '../../daemons/lib/objects/sha256.ts';
import { type DemoRow, publicationSent, rebuildAll } from '../demo/follow.ts';
import { makeOwner, makeSignedLayout, type Owner } from '../demo/keys.ts';
import type { AptRoot } from '../support/apt-root.ts';
import { machinesMirror, officialKeyring } from '../support/beside-mirror.ts';
import { bothInTotos } from '../support/in-toto/programs.ts';
import {
  bring,
  makeTrixieRoot,
  must,
  packageFiles,
  packagesFolder,
  sourceFiles,
} from '../support/installed-root.ts';
import { LocalArchive } from '../support/local-archive.ts';
import { openRealLine, type RealLine } from '../support/real-line.ts';
import { rebuilderctl } from '../support/rebuilderctl.ts';

/**
 * Our own packages as any other distribution's: built in a Debian 13, whose dpkg says in a .buildinfo what that was, and
 * published in a signed archive beside the mirror.
 */
const suite = 'trixie';
const source = 'package-rebuilder';

let folder: string;
let root: AptRoot;
let names: readonly string[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'own-'));
  chmodSync(folder, 0o755);
  root = await makeTrixieRoot(join(folder, 'root'));
  await bring(root, await sourceFiles(), 'work');
  await must(root, 'sh', '-c', 'cd /work && dpkg-source --extract *.dsc elsewhere');
  await must(root, 'apt-get', 'update', '-qq');
  await must(root, 'apt-get', 'install', '--yes', '--no-install-recommends', 'build-essential');
  await must(root, 'sh', '-c', 'cd /work/elsewhere && dpkg-buildpackage --no-sign --build=binary');
  names = await packageFiles();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hashesOf = (at: string) => names.map((name) => `${sha256Of(readFileSync(join(at, name)))} ${name}`);

describe('our own packages', () => {
  it('come out the same on another path, with another Debian, from the source package alone', () => {
    expect(names).toHaveLength(3);
    expect(hashesOf(root.path('work'))).toEqual(hashesOf(packagesFolder));
  });
});

describe('the suite, given its own source package and buildinfo', () => {
  let archive: LocalArchive;
  let line: RealLine;
  let owner: Owner;
  let rows: readonly DemoRow[];
  const at = (...parts: readonly string[]) => join(line.folder, ...parts);
  beforeAll(async () => {
    archive = new LocalArchive({ codename: suite, origin: 'Debian' });
    chmodSync(archive.root, 0o755);
    archive.addSourceFiles((await sourceFiles()).find((path) => path.endsWith('.dsc')) ?? '');
    for (const name of names) archive.addDeb(join(packagesFolder, name));
    archive.publish();
    const buildinfos = join(folder, 'buildinfos');
    mkdirSync(buildinfos);
    for (const name of readdirSync(root.path('work')).filter((one) => one.endsWith('.buildinfo'))) {
      copyFileSync(root.path(`work/${name}`), join(buildinfos, name));
    }
    const official = `deb [signed-by=${officialKeyring}] ${await machinesMirror()} ${suite} main`;
    line = await openRealLine({
      settings: [
        `mirror = ${archive.line()}\n  ${official}`,
        `archive-keyring = ${suite}=${archive.keyring}`,
        `buildinfos = ${buildinfos}`,
        'keep-bases = no',
        'slots = 2',
      ].join('\n'),
    });
    owner = await makeOwner(at('owner'));
    await makeSignedLayout({
      owner,
      rebuilder: line.vaultKey.file,
      layout: at('root.layout'),
      keyring: at('keyring'),
    });
    rows = (await rebuildAll(line, suite, [source], () => {})).get(source) ?? [];
    await publicationSent(line, () => {});
  });
  afterAll(async () => {
    await line?.close(at('owner'), at('keyring'));
    archive?.remove();
  });

  it('rebuilds every package byte for byte, in the environment that the buildinfo names', () => {
    expect(rows.map(({ verdict, say }) => [verdict, say]).sort()).toEqual([
      ['reproducible', '1 of 1 files identical'],
      ['reproducible', '2 of 2 files identical'],
    ]);
    const identical = rows.flatMap((row) => row.files).filter((file) => file.verdict === 'reproducible');
    const rebuilt = identical.map(({ name, rebuiltSha256 }) => `${rebuiltSha256} ${name}`);
    expect(rebuilt.sort()).toEqual([...hashesOf(packagesFolder)].sort());
  });

  it('attests each with a link by which the package is believed, by us and by in-toto itself', async () => {
    const owned = ['--owner-key', owner.fingerprint, '--gpg-home', at('keyring')];
    const publication = at('mirror/rebuild/debian');
    for (const name of names) {
      const deb = join(packagesFolder, name);
      const where = ['--layout', at('root.layout'), '--publication', publication, '--json'];
      const { stdout } = await rebuilderctl(['verify', deb, ...where, ...owned]);
      expect([name, JSON.parse(stdout).verdict]).toEqual([name, 'accepted']);

      const [binary = '', version = ''] = name.split('_');
      const link = readFileSync(join(publication, 'sources', binary, version, 'metadata'), 'utf8');
      for (const inToto of bothInTotos()) {
        const work = mkdtempSync(join(folder, 'verify-'));
        copyFileSync(deb, join(work, name));
        writeFileSync(join(work, `rebuild.${JSON.parse(link).signatures[0].keyid.slice(0, 8)}.link`), link);
        const args = ['-l', at('root.layout'), '-g', owner.fingerprint, '--gpg-home', at('keyring')];
        expect([name, inToto.version, inToto.run('verify', args, work)]).toEqual([
          name,
          inToto.version,
          'ok',
        ]);
      }
    }
  });
});
