import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { linkOf } from '../../../../daemons/lib/domain/link.ts';
import {
  formatMetablock,
  type JsonObject,
  type Metablock,
} from '../../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../../daemons/lib/domain/names.ts';
import { gpgSigner } from '../../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import { signDocument } from '../../../../daemons/lib/openpgp/sign.ts';
import { ArchiveServer } from '../../../support/archive-server.ts';
import {
  type MachineOptions,
  openSigners,
  type Signers,
  VerifiersMachine,
} from '../../../support/verifiers-machine.ts';
import { runWith } from '../../../unit/rebuilderctl/run.ts';

let signers: Signers;
let layout: string;
let served: string;
let server: ArchiveServer;
let machine: VerifiersMachine;

beforeAll(async () => {
  signers = openSigners();
  layout = await signers.layout('root.layout', '--expires', '1y');
  served = mkdtempSync(join(tmpdir(), 'served-'));
  server = await ArchiveServer.start(served);
  await serveLink(signers.rebuilder);
});
afterAll(async () => {
  await server.close();
  signers.remove();
  rmSync(served, { recursive: true });
});
beforeEach(async () => {
  server.behave();
  server.requests.length = 0;
  await start({});
});
afterEach(() => machine.remove());

const state = '/var/lib/package-rebuilder-client';
const conf = '/etc/apt/apt.conf.d/zz-package-rebuilder-client';
const status = ['aaa', 'foo', 'gone']
  .map((name) => {
    const is = name === 'gone' ? 'deinstall ok config-files' : 'install ok installed';
    return `Package: ${name}\nStatus: ${is}\nVersion: 1:2.0~rc1+b1\nArchitecture: amd64\n`;
  })
  .join('\n');
const metadata = 'sources/foo/1:2.0~rc1+b1/metadata';

/** Has the rebuilder serve a link of package foo that this key signed. */
async function serveLink(signer: string): Promise<void> {
  const document = await signDocument(linkOf({ 'foo_2.0~rc1+b1_amd64.deb': { sha256: 'ab'.repeat(32) } }), {
    signer: gpgSigner(parseFingerprint(signer), { home: signers.gnupg.home }),
    key: readPublicKey(signers.gnupg.exportKey(signer)),
    now: systemClock.now(),
  });
  serve(formatMetablock(document as unknown as Metablock<JsonObject>));
}

function serve(text: string): void {
  const file = join(served, 'rebuild', metadata);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** A machine where everything is in order. */
async function start(options: MachineOptions): Promise<void> {
  machine?.remove();
  machine = new VerifiersMachine({ ...options, files: { '/var/lib/dpkg/status': status, ...options.files } });
  const { code, err } = await install('--layout', layout, '--convert');
  if (code !== 0) throw new Error(err);
}

function install(...args: readonly string[]) {
  const trust = ['--owner-key', signers.owner, '--gpg-home', signers.gnupg.home, '--root', machine.root];
  return runWith({}, [
    'client',
    'install',
    '--rebuilder',
    `${server.url}/rebuild`,
    ...trust,
    ...args,
    '--apply',
  ]);
}

async function check(...args: readonly string[]): Promise<{
  code: number;
  report: { findings: { code: string; say: string; next: string }[] };
}> {
  const { code, out } = await runWith({}, ['client', 'check', '--root', machine.root, '--json', ...args]);
  return { code, report: JSON.parse(out) };
}

async function codes(): Promise<readonly string[]> {
  const { code, report } = await check();
  expect(code).toBe(report.findings.length === 0 ? 0 : 1);
  for (const { say, next } of report.findings) {
    expect(say.length).toBeGreaterThan(5);
    expect(next).toMatch(/rebuilderctl|apt-get|chmod|chown|list of one|Is the URL right/);
    expect(next).not.toContain('SUBJECT');
  }
  return report.findings.map((one) => one.code);
}

function withConf(change: (text: string) => string): void {
  machine.write(conf, change(machine.read(conf)));
}

describe('rebuilderctl client check', () => {
  it('has nothing to say where all is in order, and asks as apt does', async () => {
    const { code, out, err } = await runWith({}, ['client', 'check', '--root', machine.root]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^apt asks 1 rebuilder, wants 1 to agree by \S+root\.layout, valid until \S+Z, strict; 1 of 1 sources verified; method: apt-transport-in-toto\n$/,
    );
    expect(server.requests).toEqual([
      'GET /rebuild/sources/aaa/1:2.0~rc1+b1/metadata',
      `GET /rebuild/${metadata}`,
    ]);
    const { report } = await check();
    expect(report).toMatchObject({
      root: machine.root,
      method: 'apt-transport-in-toto',
      rebuilders: [`${server.url}/rebuild`],
      owners: [signers.owner],
      noFail: false,
      layout: { file: `${state}/root.layout`, threshold: 1 },
      sources: { verified: ['intoto://deb.example/debian'], others: [] },
      findings: [],
    });
  });

  it('says so where nothing is set up, or where apt cannot be read', async () => {
    await runWith({}, ['client', 'remove', '--root', machine.root, '--apply']);
    expect(await codes()).toEqual(['not-configured']);
    for (const [path, text] of [
      ['/etc/apt/sources.list', 'deb http://deb.example/debian\n'],
      [conf, 'APT::Intoto { ; ;; } } nonsense "'],
    ] as const) {
      machine.write(path, text);
      const { code, err } = await runWith({}, ['client', 'check', '--root', machine.root]);
      expect(err).toContain('apt would not read its files');
      expect(code).toBe(2);
    }
  });

  it('judges a configuration by hand: what hangs, what is missing, what cannot arrive', async () => {
    withConf(
      (text) => `${text}APT::Intoto::Layout "/x"; APT::Intoto::Rebuilders { "http://a.example/b%20c"; };`,
    );
    expect(await codes()).toEqual(['changed-by-hand', 'config-hangs', 'rebuilder-bad-url']);
    withConf((text) => text.replace(/Keyids \{[^}]*\};/, '').split('APT::Intoto::Layout')[0] ?? '');
    expect(await codes()).toEqual(['changed-by-hand', 'config-incomplete']);
    withConf((text) => text.replace('  Layout', '  Keyids { "ABCD"; "/etc/passwd"; };\n  Layout'));
    const { report } = await check();
    expect(report.findings.filter(({ code }) => code === 'owner-key-unreadable')).toHaveLength(2);
  });

  it('makes no GnuPG home where the configuration names none', async () => {
    withConf((text) => text.replace(/ {2}GPGHomedir .*\n/, ''));
    const before = machine.tree();
    const { report } = await check();
    expect(report.findings).toMatchObject([
      { code: 'changed-by-hand' },
      { code: 'owner-key-unreadable', say: expect.stringContaining('/root/.gnupg: there is no such folder') },
    ]);
    expect(machine.tree()).toEqual(before);
  });

  it('warns of a layout that is over soon, and of one that is spoilt or gone', async () => {
    const soon = await signers.layout('soon.layout', '--expires', '30d');
    await install('--layout', soon);
    expect(await codes()).toEqual(['layout-expires-soon']);
    machine.write(
      `${state}/root.layout`,
      machine.read(`${state}/root.layout`).replace('"readme": ""', '"readme": "x"'),
    );
    expect(await codes()).toEqual(['changed-by-hand', 'layout-expires-soon', 'layout-signature-bad']);
    rmSync(join(machine.root, state, 'root.layout'));
    expect(await codes()).toContain('layout-unreadable');
  });

  it('warns of a threshold that the rebuilders cannot reach, and of a key that is not in the ring', async () => {
    const second = signers.gnupg.makeKey('second@example.org', 'ed25519');
    const two = await signers.layout(
      'two.layout',
      '--rebuilder-key',
      second,
      '--threshold',
      '2',
      '--expires',
      '1y',
    );
    machine.write(`${state}/root.layout`, readFileSync(two));
    expect(await codes()).toContain('rebuilders-too-few');
    machine.write(`${state}/gnupg/pubring.gpg`, '');
    expect(await codes()).toContain('owner-key-unreadable');
  });

  it('warns of what _apt cannot read, for our own method alone, and of what others may write', async () => {
    chmodSync(join(machine.root, state, 'gnupg'), 0o700);
    chmodSync(join(machine.root, state, 'root.layout'), 0o600);
    expect(await codes()).toEqual([]);
    await start({ method: 'package-rebuilder-client' });
    chmodSync(join(machine.root, state, 'gnupg'), 0o700);
    chmodSync(join(machine.root, state, 'root.layout'), 0o622);
    expect(await codes()).toEqual(['not-readable', 'not-readable', 'not-safe']);
    await install();
    expect(await codes()).toEqual([]);
    if (process.getuid?.() !== 0) return;
    chownSync(join(machine.root, state, 'gnupg/pubring.gpg'), 65534, 65534);
    expect(await codes()).toEqual(['not-safe']);
  });

  it('says which method is missing, and which to install', async () => {
    const [method, gpg, release] = ['/usr/lib/apt/methods/intoto', '/usr/bin/gpg', '/usr/lib/os-release'];
    const expectOnly = async (code: string, next: string) => {
      const { report } = await check();
      expect(report.findings).toMatchObject([{ code, next: expect.stringContaining(next) }]);
    };
    rmSync(join(machine.root, method));
    await expectOnly('method-missing', 'apt-get install apt-transport-in-toto');
    machine.write(release, 'ID=debian\nVERSION_CODENAME=forky\n');
    await expectOnly('method-missing', 'apt-get install package-rebuilder-client');
    machine.write(method, '');
    await expectOnly('method-outdated', 'apt-get install package-rebuilder-client');
    machine.write(release, 'ID=debian\nVERSION_ID="12"\n');
    rmSync(join(machine.root, gpg));
    await expectOnly('gpg-missing', 'apt-get install gnupg');
  });

  it('finds sources that nothing verifies, ways around the method, and https where it cannot', async () => {
    const more = '/etc/apt/sources.list.d/more.list';
    for (const line of [
      'deb http://deb.example/debian/ bookworm main',
      'deb-src http://deb.example/debian bookworm main',
      'deb https://me:secret@deb.example/debi%61n bookworm contrib',
    ]) {
      machine.write(
        more,
        `${line}\ndeb-src http://third.example x/\ndeb-src http://deb.example/debian trixie main\n`,
      );
      const { report } = await check();
      const uri = line.split(' ')[1];
      expect(report.findings).toMatchObject([
        { code: 'sources-unverified', next: expect.stringContaining(`--convert ${uri}`) },
      ]);
    }
    machine.write(more, 'deb intoto+https://deb.example/debian trixie main\n');
    expect(await codes()).toEqual(['sources-https']);
    machine.write(more, '');
    machine.write('/etc/apt/sources.list', 'deb http://deb.example/debian bookworm main\n');
    expect(await codes()).toEqual(['sources-none']);
  });

  it.each([
    ['deb http://mirror2.example/debian bookworm main', 'http://mirror2.example/debian'],
    ['deb [trusted=yes] https://mirror2.example/debian x/', 'https://mirror2.example/debian'],
    ['deb mirror+http://mirror2.example/list bookworm main', 'mirror+http://mirror2.example/list'],
    ['deb mirror+file:/etc/apt/mirrors bookworm main', 'mirror+file:/etc/apt/mirrors'],
    ['deb http://deb.example/debian trixie main', 'http://deb.example/debian'],
  ])('finds a source that passes the method by until somebody answers for it: %s', async (line, uri) => {
    machine.write('/etc/apt/sources.list.d/more.list', `${line}\n`);
    const { report } = await check();
    expect(report.findings).toMatchObject([
      {
        code: 'sources-other',
        say: expect.stringContaining('more.list'),
        next: expect.stringContaining(uri),
      },
    ]);
    expect((await check('--accept', `${uri}/`)).code).toBe(0);
    expect((await check('--accept', uri.slice(0, -1))).code).toBe(1);
  });

  it('accepts no way around the method, and asks nobody to answer for files of this machine', async () => {
    const more = '/etc/apt/sources.list.d/more.list';
    machine.write(more, 'deb file:/srv/debs ./\ndeb cdrom:[Debian]/ bookworm main\ndeb copy:/srv/debs ./\n');
    expect(await codes()).toEqual([]);
    machine.write(more, 'deb http://deb.example/debian bookworm contrib\n');
    const { report } = await check('--accept', 'http://deb.example');
    expect(report.findings).toMatchObject([{ code: 'sources-unverified' }]);
  });

  it('looks where apt is told that its sources are', async () => {
    const own = '/etc/apt/apt.conf.d/99own';
    const other = 'deb http://other.example/debian bookworm main\n';
    machine.write('/etc/apt/other.d/other.list', other);
    machine.write('/srv/apt/other.sources', 'Types: deb\nURIs: http://srv.example/\nSuites: x/\n');
    expect(await codes()).toEqual([]);
    for (const [text, uri] of [
      ['Dir::Etc::SourceParts "other.d";', 'http://other.example/debian'],
      [`dir::etc::sourceparts "${machine.root}/etc/apt/other.d/";`, 'http://other.example/debian'],
      [`Dir::Etc::SourceParts "${machine.root}/srv/apt";`, 'http://srv.example/'],
    ] as const) {
      machine.write(own, `${text}\n`);
      const { report } = await check();
      expect(report.findings).toMatchObject([{ code: 'sources-other', say: expect.stringContaining(uri) }]);
    }
    machine.write(own, 'Dir::Etc::SourceList "/dev/null";\n');
    expect(await codes()).toEqual(['sources-none']);
  });

  it('finds a method that apt starts in the place of one that verifies', async () => {
    const own = '/etc/apt/apt.conf.d/99own';
    for (const [text, path] of [
      ['Dir::Bin::Methods::intoto "http";', '/usr/lib/apt/methods/http'],
      ['dir::bin::methods::INTOTO "/usr/local/bin/mine";', '/usr/local/bin/mine'],
      ['Dir::Bin::Methods "/usr/local/methods";', '/usr/local/methods/intoto'],
    ]) {
      machine.write(own, `${text}\n`);
      const { report } = await check();
      expect(report.findings[0]).toMatchObject({
        code: 'method-replaced',
        say: expect.stringContaining(`${path},`),
      });
    }
    machine.write(own, 'Dir::Bin::Methods::intoto "intoto"; Dir::Bin::Methods::intoto+https "intoto";\n');
    expect(await codes()).toEqual([]);
  });

  it('finds a NoFail that nobody installed', async () => {
    machine.write('/etc/apt/apt.conf.d/zzz', 'APT::Intoto::NoFail { "true"; };\n');
    expect(await codes()).toEqual(['no-fail']);
    rmSync(join(machine.root, '/etc/apt/apt.conf.d/zzz'));
    await install('--no-fail');
    expect(await codes()).toEqual([]);
  });

  it('warns of an owner’s key that was revoked since', async () => {
    const owner = signers.gnupg.makeKey('leaving@example.org', 'rsa2048');
    const path = `${state}/gnupg/pubring.gpg`;
    const ring = Buffer.from(machine.read(path), 'latin1');
    signers.gnupg.revoke(owner);
    machine.write(path, Buffer.concat([ring, signers.gnupg.exportKey(owner)]));
    withConf((text) => text.replace('Keyids {', `Keyids {\n    "${owner}";`));
    const { report } = await check();
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        code: 'owner-key-unusable',
        say: expect.stringContaining(`${owner}: it is revoked`),
      }),
    );
  });

  it('tells a rebuilder that is away from one that knows nothing, or whose key the layout does not hold', async () => {
    server.misbehave(/metadata$/, { kind: 'reset' });
    expect(await codes()).toEqual(['rebuilder-unreachable']);
    server.behave();
    server.misbehave(/metadata$/, { kind: 'status', status: 403 });
    expect(await codes()).toEqual(['rebuilder-knows-nothing']);
    server.behave();
    const other = signers.gnupg.makeKey('other@example.org', 'ed25519');
    await serveLink(other);
    const { report } = await check();
    expect(report.findings).toMatchObject([
      { code: 'rebuilder-not-in-layout', say: expect.stringContaining(other.toLowerCase()) },
    ]);
    for (const text of ['<html>', '{"signatures": [], "signed": {"_type": "link", "name": "rebuild"}}']) {
      serve(text);
      expect(await codes()).toEqual([
        text.startsWith('<') ? 'rebuilder-knows-nothing' : 'rebuilder-not-in-layout',
      ]);
    }
    await serveLink(signers.rebuilder);
    machine.write('/var/lib/dpkg/status', '');
    expect(await codes()).toEqual([]);
  });

  it('reads no record that is not ours', async () => {
    machine.write(`${state}/installed.json`, '{}');
    for (const args of [['check'], ['remove', '--apply'], ['install', '--apply']]) {
      const { code, err } = await runWith({}, ['client', ...args, '--root', machine.root]);
      expect(err).toMatch(/installed\.json: v: expected 1\n.*backup/);
      expect(code).toBe(2);
    }
  });
});
