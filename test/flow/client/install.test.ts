import {
  appendFileSync,
  copyFileSync,
  cpSync,
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
import { sha256Of } from '../../../daemons/lib/objects/sha256.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { signDocument } from '../../../daemons/lib/openpgp/sign.ts';
import type { AptAnswer, AptRoot } from '../../support/apt-root.ts';
import { ArchiveServer } from '../../support/archive-server.ts';
import { type Certificate, makeCertificate } from '../../support/certificate.ts';
import { LocalArchive } from '../../support/local-archive.ts';
import { rebuilderctl } from '../../support/rebuilderctl.ts';
import { openSigners, type Signers } from '../../support/verifiers-machine.ts';
import { type Methods, makeRoot, type Suite } from './verifier.ts';

const version = '1:2.0~rc1-1+b1';

/** Of both machines: an archive, a rebuilder of some of it, and a layout that believes it. */
let folder: string;
let archive: LocalArchive;
let signers: Signers;
let layout: string;
let tls: Certificate;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'verifier-'));
  signers = openSigners('rsa3072');
  layout = await signers.layout('root.layout', '--expires', '1y');
  tls = makeCertificate(folder, 'server');
  archive = new LocalArchive();
  for (const name of ['good', 'tampered', 'unattested']) {
    const path = archive.addBinary({ package: name, version });
    const deb = readFileSync(join(archive.root, path));
    // What a rebuilder made that got other bytes out of the same source.
    if (name === 'tampered') deb.writeUInt8(deb.readUInt8(deb.length - 40) ^ 1, deb.length - 40);
    if (name !== 'unattested') await serveLink(name, path.split('/').at(-1) ?? '', deb);
  }
  archive.publish();
});
afterAll(() => {
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

interface Machine {
  readonly of: string;
  readonly suite: Suite;
  readonly methods: Methods;
  /** As `client check` calls the method. */
  readonly method: string;
  /** What apt is told of by a method that brings a sample of its settings. */
  readonly sample?: string;
  /** What its sources and rebuilders speak, and what the sources are converted to. */
  readonly scheme: 'http' | 'https';
  readonly verified: string;
  /** What the method says of each package. */
  readonly says: Readonly<Record<'good' | 'tampered' | 'unattested', RegExp>>;
}

const machines: readonly Machine[] = [
  {
    of: 'Debian’s own in-toto method, in Debian 12',
    suite: 'bookworm',
    methods: 'debian',
    method: 'apt-transport-in-toto',
    sample: '158.39.77.214',
    scheme: 'http',
    verified: 'intoto:',
    says: {
      good: /passed! :\)/,
      tampered: /DISALLOW \*\.deb/,
      unattested: /In-toto verification for .*unattested.* failed/,
    },
  },
  {
    of: 'our in-toto method, in Debian 13, archive and rebuilder by https',
    suite: 'trixie',
    methods: 'ours',
    method: 'package-rebuilder-client',
    scheme: 'https',
    verified: 'intoto+https:',
    says: {
      good: /good 1:2\.0~rc1-1\+b1: verified, rebuilt by/,
      tampered: /in-toto refuses tampered .*: hash-differs/,
      unattested: /in-toto refuses unattested .*: link-not-found/,
    },
  },
];

const named = machines.map((one) => [one.of, one] as const);

describe.each(named)('a machine with %s, as client install sets it up', (_of, machine) => {
  let apt: AptRoot;
  let root: string;
  let mirror: ArchiveServer;
  let rebuilder: ArchiveServer;
  let before: readonly string[];

  beforeAll(async () => {
    root = join(folder, machine.suite);
    apt = await makeRoot(root, machine.suite, machine.methods);
    const options = machine.scheme === 'https' ? { tls } : {};
    mirror = await ArchiveServer.start(archive.root, options);
    rebuilder = await ArchiveServer.start(join(folder, 'rebuilder'), options);
    appendFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), tls.cert);
    writeFileSync(join(root, 'usr/share/keyrings/local.gpg'), readFileSync(archive.keyring));
    writeFileSync(
      join(root, 'etc/apt/sources.list.d/local.sources'),
      `# A local archive\nTypes: deb\nURIs: ${mirror.url}\nSuites: ${archive.codename}\nComponents: main\nSigned-By: /usr/share/keyrings/local.gpg\n`,
    );
    writeFileSync(join(root, 'etc/apt/sources.list'), '# none\n');
    cpSync('build/lib', join(root, 'srv/rebuilderctl'), {
      recursive: true,
      filter: (path) => !path.endsWith('.js') || path.endsWith('/rebuilderctl.js'),
    });
    copyFileSync(layout, join(root, 'srv/root.layout'));
    writeFileSync(join(root, 'srv/owner.gpg'), signers.gnupg.exportKey(signers.owner));
    before = treeOf(join(root, 'etc'));
  });
  afterAll(async () => {
    await mirror?.close();
    await rebuilder?.close();
  });

  /** Answers what the command line says: in the machine where its Node can run it, else beside it. */
  async function client(...args: readonly string[]): Promise<AptAnswer> {
    if (machine.suite === 'trixie') {
      return apt.run('/usr/bin/node', ['/srv/rebuilderctl/rebuilderctl.js', 'client', ...args]);
    }
    const { stdout, stderr, exitCode } = await rebuilderctl(['client', ...args, '--root', root]);
    return { accepted: exitCode === 0, log: `${stdout}${stderr}` };
  }

  async function install(...more: readonly string[]): Promise<void> {
    const at = (path: string) => (machine.suite === 'trixie' ? path : join(root, path));
    const trust = ['--layout', at('/srv/root.layout'), '--owner-key', at('/srv/owner.gpg')];
    const rebuilders = ['--rebuilder', `${rebuilder.url}/rebuild/`];
    expect(await client('install', ...rebuilders, ...trust, '--apply', ...more)).toMatchObject({
      accepted: true,
    });
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

  it('has the settings that were meant, in place of the sample that the method brings', async () => {
    if (machine.sample !== undefined) expect(await aptConfig()).toContain(machine.sample);
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
    for (const name of ['good', 'tampered', 'unattested'] as const) {
      const { accepted, log } = await installInRoot(name);
      expect({ name, accepted, log }).toMatchObject({ accepted: name === 'good' });
      expect(log).toMatch(machine.says[name]);
    }
    expect(rebuilder.requests).toContain(`GET /rebuild/sources/good/${version}/metadata`);
  });

  it('finds itself in order, and warns of nothing but that a small rebuilder knows little', async () => {
    const { accepted, log } = await client('check', '--json');
    const { findings, method, sources } = JSON.parse(log);
    const others = findings.filter(({ code }: { code: string }) => code !== 'rebuilder-knows-nothing');
    expect({ others, method, sources }).toEqual({
      others: [],
      method: machine.method,
      sources: { verified: [mirror.url.replace(/^https?:/, machine.verified)], others: [] },
    });
    expect(accepted).toBe(findings.length === 0);
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
    expect(await client('remove', '--apply')).toMatchObject({ accepted: true });
    expect(treeOf(join(root, 'etc'))).toEqual(before);
    expect(readdirSync(join(root, 'var/lib'))).not.toContain('package-rebuilder-client');
    await updateInRoot();
    expect(await installInRoot('tampered')).toMatchObject({ accepted: true });
  });
});
