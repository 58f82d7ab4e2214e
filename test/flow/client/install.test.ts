import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { rebuildLink } from '../../../daemons/lib/domain/link.ts';
import { formatMetablock, type JsonObject, type Metablock } from '../../../daemons/lib/domain/metablock.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parseFingerprint,
  parsePoolFileName,
  parseSha256,
} from '../../../daemons/lib/domain/names.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { signDocument } from '../../../daemons/lib/openpgp/sign.ts';
import { sha256Of } from '../../../daemons/rebuilderctl/client/manifest.ts';
import { type AptAnswer, AptRoot } from '../../support/apt-root.ts';
import { ArchiveServer } from '../../support/archive-server.ts';
import { machinesMirror } from '../../support/beside-mirror.ts';
import { LocalArchive } from '../../support/local-archive.ts';
import { rebuilderctl } from '../../support/rebuilderctl.ts';
import { openSigners, type Signers } from '../../support/verifiers-machine.ts';

/** Debian 12 is the last release that has the method. */
const packages = [
  'apt-transport-in-toto',
  'in-toto',
  'python3-securesystemslib',
  'python3-pathspec',
  'python3-iso8601',
  'python3-cryptography',
  'gnupg',
];

let folder: string;
let apt: AptRoot;
let root: string;
let archive: LocalArchive;
let mirror: ArchiveServer;
let rebuilder: ArchiveServer;
let signers: Signers;
let layout: string;
let before: readonly string[];

const version = '1:2.0~rc1-1+b1';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'verifier-'));
  root = join(folder, 'root');
  const roots = join(process.cwd(), 'build/test/roots');
  mkdirSync(roots, { recursive: true });
  apt = await AptRoot.make({
    suite: 'bookworm',
    packages,
    mirror: await machinesMirror(),
    tarball: join(roots, 'verifier-bookworm.tar'),
    folder: root,
  });
  signers = openSigners('rsa3072');
  layout = await signers.layout('root.layout', '--expires', '1y');
  archive = new LocalArchive();
  for (const name of ['good', 'tampered', 'unattested']) {
    const path = archive.addBinary({ package: name, version });
    const deb = readFileSync(join(archive.root, path));
    // What a rebuilder made that got other bytes out of the same source.
    if (name === 'tampered') deb.writeUInt8(deb.readUInt8(deb.length - 40) ^ 1, deb.length - 40);
    if (name !== 'unattested') await serveLink(name, path.split('/').at(-1) ?? '', deb);
  }
  archive.publish();
  mirror = await ArchiveServer.start(archive.root);
  rebuilder = await ArchiveServer.start(join(folder, 'rebuilder'));
  writeFileSync(join(root, 'usr/share/keyrings/local.gpg'), readFileSync(archive.keyring));
  writeFileSync(
    join(root, 'etc/apt/sources.list.d/local.sources'),
    `# A local archive\nTypes: deb\nURIs: ${mirror.url}\nSuites: ${archive.codename}\nComponents: main\nSigned-By: /usr/share/keyrings/local.gpg\n`,
  );
  writeFileSync(join(root, 'etc/apt/sources.list'), '# none\n');
  before = treeOf(join(root, 'etc'));
});
afterAll(async () => {
  await mirror?.close();
  await rebuilder?.close();
  archive?.remove();
  signers?.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function serveLink(name: string, file: string, deb: Buffer): Promise<void> {
  const product = {
    name: parsePoolFileName(file),
    package: parseBinaryName(name),
    version: parseDebVersion(version),
    architecture: parseArchitecture('amd64'),
    sha256: parseSha256(sha256Of(deb)),
  };
  const document = await signDocument(rebuildLink([product]), {
    signer: gpgSigner(parseFingerprint(signers.rebuilder), { home: signers.gnupg.home }),
    key: readPublicKey(signers.gnupg.exportKey(signers.rebuilder)),
    now: systemClock.now(),
  });
  const path = join(folder, 'rebuilder/rebuild/sources', name, version, 'metadata');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, formatMetablock(document as unknown as Metablock<JsonObject>));
}

/** Every entry with its kind, mode, owner and content. */
function treeOf(top: string): readonly string[] {
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((entry) => {
      const stats = lstatSync(join(top, entry));
      const content = stats.isFile()
        ? readFileSync(join(top, entry), 'latin1')
        : stats.isSymbolicLink()
          ? readlinkSync(join(top, entry))
          : '';
      return [entry, stats.mode.toString(8), stats.uid, stats.gid, content].join(' ');
    });
}

async function client(...args: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await rebuilderctl(['client', ...args, '--root', root]);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout;
}

async function install(...more: readonly string[]): Promise<string> {
  const trust = ['--layout', layout, '--owner-key', signers.owner, '--gpg-home', signers.gnupg.home];
  return client('install', '--rebuilder', `${rebuilder.url}/rebuild/`, ...trust, '--apply', ...more);
}

function installInRoot(name: string): Promise<AptAnswer> {
  const options = ['--reinstall', '--allow-downgrades', '-y', '-o', 'Dpkg::Use-Pty=false'];
  return apt.apt('install', ...options, name);
}

async function updateInRoot(): Promise<void> {
  expect(await apt.apt('update')).toMatchObject({ accepted: true });
}

async function aptConfig(): Promise<string> {
  return (await apt.run('apt-config', ['dump', 'APT::Intoto'])).log;
}

describe('a machine with Debian’s own in-toto method, as client install sets it up', () => {
  it('has the settings that were meant, in place of the sample that the method brings', async () => {
    expect(await aptConfig()).toContain('158.39.77.214');
    await install('--convert');
    const values = (await aptConfig()).split('\n').filter((line) => !line.endsWith('"";'));
    expect(values.filter((line) => line !== '').sort()).toEqual(
      [
        'GPGHomedir:: "/var/lib/package-rebuilder-client/gnupg";',
        `Keyids:: "${signers.owner}";`,
        'Layout:: "/var/lib/package-rebuilder-client/root.layout";',
        'LogLevel:: "20";',
        `Rebuilders:: "${rebuilder.url}/rebuild";`,
      ].map((line) => `APT::Intoto::${line}`),
    );
  });

  it('installs what was reproduced, and neither what was not nor what is unknown', async () => {
    await updateInRoot();
    const good = await installInRoot('good');
    expect(good).toMatchObject({ accepted: true, log: expect.stringContaining('passed! :)') });
    const tampered = await installInRoot('tampered');
    expect(tampered).toMatchObject({ accepted: false, log: expect.stringContaining('DISALLOW *.deb') });
    const unattested = await installInRoot('unattested');
    expect(unattested.accepted).toBe(false);
    expect(unattested.log).toMatch(/In-toto verification for .*unattested.* failed/);
    expect(rebuilder.requests).toContain(`GET /rebuild/sources/good/${version}/metadata`);
  });

  it('finds itself in order, and warns of nothing but that a small rebuilder knows little', async () => {
    const { stdout, exitCode } = await rebuilderctl(['client', 'check', '--json', '--root', root]);
    const { findings, method, sources } = JSON.parse(stdout);
    const others = findings.filter(({ code }: { code: string }) => code !== 'rebuilder-knows-nothing');
    expect({ others, method, sources }).toEqual({
      others: [],
      method: 'apt-transport-in-toto',
      sources: { verified: [mirror.url.replace('http:', 'intoto:')], others: [] },
    });
    expect(exitCode).toBe(findings.length === 0 ? 0 : 1);
  });

  it('lets root and _apt read the keys, and no file was made beside them', async () => {
    const home = '/var/lib/package-rebuilder-client/gnupg';
    const gpg = ['--homedir', home, '--armor', '--export', signers.owner];
    const asRoot = await apt.run('gpg', gpg);
    const asApt = await apt.run('setpriv', [
      '--reuid=_apt',
      '--regid=nogroup',
      '--clear-groups',
      'gpg',
      ...gpg,
    ]);
    for (const { log } of [asRoot, asApt]) expect(log).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    expect(readdirSync(join(root, home)).sort()).toEqual(['gpg.conf', 'pubring.gpg']);
  });

  it('installs what is unknown with --no-fail, and still nothing that differs', async () => {
    await install('--no-fail');
    expect(await installInRoot('unattested')).toMatchObject({ accepted: true });
    expect(await installInRoot('tampered')).toMatchObject({ accepted: false });
  });

  it('is as it was before when client remove has taken all of it back', async () => {
    await client('remove', '--apply');
    expect(treeOf(join(root, 'etc'))).toEqual(before);
    expect(readdirSync(join(root, 'var/lib'))).not.toContain('package-rebuilder-client');
    await updateInRoot();
    expect(await installInRoot('tampered')).toMatchObject({ accepted: true });
  });
});
