import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleProgram } from '../../../support/program.ts';
import { openSigners, type Signers, VerifiersMachine } from '../../../support/verifiers-machine.ts';
import { type Ran, runWith } from '../../../unit/rebuilderctl/run.ts';

let signers: Signers;
let layout: string;
let machine: VerifiersMachine;

beforeAll(async () => {
  signers = openSigners();
  layout = await signers.layout('root.layout', '--expires', '1y');
});
afterAll(() => signers.remove());
beforeEach(() => {
  machine = new VerifiersMachine();
});
afterEach(() => machine.remove());

const url = 'https://rebuilder.example/rebuild';
const state = '/var/lib/package-rebuilder-client';
const conf = '/etc/apt/apt.conf.d/zz-package-rebuilder-client';

function client(...args: readonly string[]): Promise<Ran> {
  return runWith({}, ['client', ...args, '--root', machine.root]);
}

/** An installation with everything said, and more. */
function install(...more: readonly string[]): Promise<Ran> {
  const trust = ['--layout', layout, '--owner-key', signers.owner, '--gpg-home', signers.gnupg.home];
  return client('install', '--rebuilder', url, ...trust, ...more);
}

describe('rebuilderctl client install', () => {
  it('shows the difference and changes nothing, unless it is told to', async () => {
    const before = machine.tree();
    const { code, out, err } = await install('--convert');
    expect(code).toBe(0);
    expect(out).toContain(`--- /dev/null\n+++ b${conf}\n`);
    expect(out).toContain(
      '--- a/etc/apt/sources.list\n+++ b/etc/apt/sources.list\n@@ -1 +1 @@\n-deb http://deb.example/debian bookworm main\n+deb intoto://deb.example/debian bookworm main\n',
    );
    expect(out).toMatch(/binary file \S+pubring.gpg: not there -> \d+ bytes/);
    expect(err).toContain('nothing was changed: --apply does it');
    expect(machine.tree()).toEqual(before);
  });

  it('does it, finds nothing to do when asked again, and takes all of it back', async () => {
    const before = machine.tree();
    const done = await install('--convert', '--apply');
    expect(done).toMatchObject({ code: 0, err: expect.stringContaining('apt-get update') });
    const after = machine.tree();
    expect(machine.read(`${state}/root.layout`)).toBe(readFileSync(layout, 'latin1'));
    expect(after.get(`${state}/root.layout`.slice(1))).toMatch(/^644 /);
    for (const folder of [state, `${state}/gnupg`]) expect(after.get(folder.slice(1))).toBe('755');
    expect(await install('--convert', '--apply')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringMatching(/^nothing to do\n/),
    });
    expect(machine.tree()).toEqual(after);
    expect(await client('remove')).toMatchObject({ code: 0, err: 'nothing was changed: --apply does it\n' });
    expect(machine.tree()).toEqual(after);
    expect(await client('remove', '--apply')).toMatchObject({ code: 0, err: '' });
    expect(machine.tree()).toEqual(before);
    expect(await client('remove', '--apply')).toMatchObject({ code: 0, err: 'nothing to do\n' });
  });

  it('writes a key ring from which gpg exports the owners’ keys, and in which it makes no file', async () => {
    const second = signers.gnupg.makeKey('second@example.org', 'ed25519', 'sign', '1y');
    const both = await signers.layout('both.layout', '--expires', '1y', '--owner-key', second);
    const file = join(signers.gnupg.home, 'second.asc');
    writeFileSync(file, signers.gnupg.gpg(['--armor', '--export', second]));
    const { code } = await client(
      ...['install', '--rebuilder', url, '--layout', both, '--gpg-home', signers.gnupg.home],
      ...['--owner-key', signers.owner, '--owner-key', file, '--apply'],
    );
    expect(code).toBe(0);
    const before = machine.tree();
    const home = join(machine.root, state, 'gnupg');
    for (const key of [signers.owner, second]) {
      const exported = spawnSync('gpg', ['--homedir', home, '--export', key]).stdout;
      expect(exported.equals(signers.gnupg.exportKey(key))).toBe(true);
    }
    expect(spawnSync('gpg', ['--homedir', home, '--list-keys']).status).toBe(0);
    expect(machine.tree()).toEqual(before);
  });

  it('keeps what is not said as it was installed: another layout alone, NoFail on and off', async () => {
    await install('--convert', '--apply', '--log-level', '30');
    const next = await signers.layout('next.layout', '--expires', '2y');
    const { code, out } = await client('install', '--layout', next, '--apply');
    expect(code).toBe(0);
    expect(out).not.toContain(conf);
    expect(out).not.toContain('sources.list');
    expect((await client('install', '--no-fail', '--apply')).out).toContain('+  NoFail { "true"; };');
    expect((await client('install', '--apply')).err).toMatch(/^nothing to do/);
    expect((await client('install', '--fail', '--apply')).out).toContain('-  NoFail { "true"; };');
    expect(machine.read(conf)).toContain('LogLevel { "30"; };');
  });

  it('replaces the files of others with its own, and puts them back', async () => {
    machine.write(conf, '// mine\n', 0o600);
    const before = machine.tree();
    await install('--apply');
    expect(machine.read(conf)).toContain(url);
    await client('remove', '--apply');
    expect(machine.tree()).toEqual(before);
  });

  it('writes the sources that are given, for a method that can read them', async () => {
    machine.write('/etc/apt/sources.list', '');
    const line = 'deb [arch=amd64] intoto://deb.example/debian bookworm main';
    await install('--source', line, '--apply');
    const file = '/etc/apt/sources.list.d/package-rebuilder-client.list';
    expect(machine.read(file)).toContain(`\n${line}\n`);
    const other = 'deb intoto://other.example/ x/';
    await client('install', '--source', other, '--apply');
    expect(machine.read(file).split('\n').slice(1)).toEqual([other, '']);
    for (const [wrong, why] of [
      ['deb http://deb.example/debian bookworm main', /expected deb intoto:/],
      ['intoto://deb.example/debian', /expected deb intoto:/],
      [`${line}\n${line}`, /expected deb intoto:/],
      ['deb intoto+https://deb.example/debian bookworm main', /speaks only http to an archive/],
      ['deb intoto://deb.example/debian bookworm', /apt would not read its files: .*\(Component\)/],
    ] as const) {
      expect(await install('--source', wrong, '--apply')).toMatchObject({
        code: 2,
        err: expect.stringMatching(why),
      });
    }
  });

  it('converts what is named, says of what it cannot convert why, and converts that where it can', async () => {
    const files = {
      '/etc/apt/sources.list.d/s.sources':
        'Types: deb\nURIs: https://secure.example/x http://plain.example/x\nSuites: a/\n',
    };
    machine.remove();
    machine = new VerifiersMachine({ files });
    const one = await install('--convert', 'http://plain.example');
    expect(one.out).toContain('+URIs: https://secure.example/x intoto://plain.example/x');
    expect(one.out).not.toContain('/etc/apt/sources.list\n');
    expect(await install('--convert', 'http://nobody.example')).toMatchObject({
      code: 2,
      err: expect.stringContaining('no source names that archive'),
    });
    const { err } = await install('--convert');
    expect(err).toMatch(
      /left as it is: https:\/\/secure\.example\/x in .*speaks only http.*package-rebuilder-client/,
    );
    machine.remove();
    machine = new VerifiersMachine({ files, method: 'package-rebuilder-client' });
    expect((await install('--convert')).out).toContain(
      '+URIs: intoto+https://secure.example/x intoto://plain',
    );
  });

  it('refuses sources past which apt would read the same archive unverified', async () => {
    const line = 'deb intoto://deb.example/debian bookworm main contrib';
    const { code, err } = await install('--source', line, '--apply');
    expect(err).toMatch(/would not verify.*http:\/\/deb\.example\/debian.*\n.*takes both for one.*--convert/);
    expect(code).toBe(2);
    expect((await install('--source', line, '--convert', 'http://deb.example/', '--apply')).code).toBe(0);
    await client('remove', '--apply');
    machine.write('/etc/apt/sources.list.d/s.list', 'deb-src https://deb.example/debian bookworm main\n');
    expect((await install('--convert', '--apply')).err).toContain('https://deb.example/debian');
    expect(machine.read('/etc/apt/sources.list')).toContain('deb http:');
  });

  it('tells a program what it did', async () => {
    const { out, err } = await install('--convert', '--apply', '--json');
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({
      applied: true,
      changes: expect.arrayContaining([
        { path: '/etc/apt/sources.list', diff: expect.stringContaining('+deb intoto:') },
      ]),
      settings: { rebuilders: [url], owners: [signers.owner], logLevel: 20, noFail: false },
      layout: { threshold: 1 },
      left: [],
      findings: [],
    });
    const removed = JSON.parse((await client('remove', '--apply', '--json')).out);
    expect(removed).toMatchObject({ applied: true, kept: [] });
    expect(removed.changes.map(({ path }: { path: string }) => path)[0]).toBe('/etc/apt/sources.list');
  });

  it('refuses, in a sentence, what apt could not work by, and changes nothing', async () => {
    const before = machine.tree();
    const expired = await signers.layout('expired.layout');
    writeFileSync(expired, readFileSync(expired, 'utf8').replace(/"expires": "\d{4}/, '"expires": "2020'));
    const unsigned = await signers.layout('unsigned.layout');
    writeFileSync(
      unsigned,
      JSON.stringify({ ...JSON.parse(readFileSync(unsigned, 'utf8')), signatures: [] }),
    );
    const second = signers.gnupg.makeKey('third@example.org', 'ed25519');
    const two = await signers.layout('two.layout', '--rebuilder-key', second, '--threshold', '2');
    const trust = ['--owner-key', signers.owner, '--gpg-home', signers.gnupg.home, '--apply'];
    for (const [args, why] of [
      [['--rebuilder', url, '--layout', layout, '--apply'], /--owner-key FINGERPRINT\|FILE/],
      [['--layout', layout, ...trust], /--rebuilder URL/],
      [['--rebuilder', url, ...trust], /--layout FILE/],
      [['--rebuilder', 'http://[::1]/', '--layout', layout, ...trust], /:: makes .* wait for ever/],
      [['--rebuilder', url, '--layout', expired, ...trust], /layout-expired[\s\S]*layout-signature-bad/],
      [['--rebuilder', url, '--layout', unsigned, ...trust], /layout-signature-missing/],
      [['--rebuilder', url, '--layout', layout, ...trust, '--owner-key', second], /layout-signature-missing/],
      [['--rebuilder', url, '--layout', two, ...trust], /rebuilders-too-few: the layout asks for 2/],
      [['--rebuilder', url, '--layout', '/nonexistent', ...trust], /cannot be read \(ENOENT\)/],
      [['--rebuilder', url, '--layout', layout, ...trust, '--log-level', 'all'], /--log-level/],
    ] as const) {
      const { code, err } = await client('install', ...args);
      expect(err).toMatch(why);
      expect(code).toBe(2);
    }
    expect(machine.tree()).toEqual(before);
  });

  it('refuses sources that no method could read, with the package to install first', async () => {
    for (const [options, wanted] of [
      [{ method: 'none' }, 'apt-get install apt-transport-in-toto'],
      [{ method: 'none', release: '13' }, 'apt-get install package-rebuilder-client'],
      [{ method: 'none', release: '' }, 'apt-get install package-rebuilder-client'],
      [{ release: '13' }, 'apt-get install package-rebuilder-client'],
      [{ gpg: false }, 'apt-get install gnupg'],
    ] as const) {
      machine.remove();
      machine = new VerifiersMachine(options);
      const { code, err } = await install('--convert', '--apply');
      expect(err).toContain(wanted);
      expect(code).toBe(2);
      expect((await install('--apply')).err).toContain(wanted);
    }
  });

  it('refuses when another file of apt would change the settings after it', async () => {
    machine.write('/etc/apt/apt.conf', 'APT::Intoto::Rebuilders { "http://other.example"; };\n');
    const { code, err } = await install('--apply');
    expect(err).toMatch(/another file sets APT::Intoto after it/);
    expect(code).toBe(2);
  });

  it('refuses to overwrite what was changed since, unless it is forced to; then it keeps that', async () => {
    const before = machine.tree();
    await install('--convert', '--apply');
    const list = '/etc/apt/sources.list';
    machine.write(list, `${machine.read(list)}# mine\n`);
    for (const args of [['remove'], ['remove', '--apply']]) {
      const { code, err } = await client(...args);
      expect(err).toContain(`changed since by somebody else: ${machine.root}${list}: nothing was changed`);
      expect(code).toBe(2);
    }
    expect((await install('--convert', '--apply')).code).toBe(2);
    expect((await install('--apply')).code).toBe(0);
    expect((await install('--convert', '--apply', '--force')).err).toContain(
      `kept: ${machine.root}${list}.save`,
    );
    expect(machine.read(list)).toBe('deb intoto://deb.example/debian bookworm main\n');
    expect(machine.read(`${list}.save`)).toContain('# mine');
    machine.write(conf, '// mine\n');
    expect((await client('remove', '--apply', '--force')).code).toBe(0);
    expect(machine.read(`${conf}.save`)).toBe('// mine\n');
    const found = new Map(machine.tree());
    for (const path of [list, conf]) found.delete(`${path.slice(1)}.save`);
    expect(found).toEqual(before);
  });

  it('does not follow a link out of the root that it sets up', async () => {
    const outside = join(signers.gnupg.home, 'outside.list');
    writeFileSync(outside, 'deb http://deb.example/debian bookworm main\n');
    symlinkSync(outside, join(machine.root, 'etc/apt/sources.list.d/out.list'));
    const { code, err } = await install('--convert', '--apply');
    expect(err).toContain('leads out of');
    expect(code).toBe(2);
    expect(readFileSync(outside, 'utf8')).toContain('deb http:');
    expect((await runWith({}, ['client', 'remove', '--root', '/nonexistent'])).err).toContain(
      'no such folder',
    );
  });

  it('refuses to set up this machine for anybody but root', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nobody-'));
    const program = bundleProgram('daemons/rebuilderctl/main.ts');
    const key = join(folder, 'owner.gpg');
    writeFileSync(key, signers.gnupg.exportKey(signers.owner));
    copyFileSync(layout, join(folder, 'root.layout'));
    spawnSync('chmod', ['-R', 'a+rX', folder, join(program.path, '..')]);
    const command = [process.execPath, program.path, 'client', 'install', '--apply', '--rebuilder', url];
    const args = [...command, '--layout', join(folder, 'root.layout'), '--owner-key', key];
    const asNobody = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups', '--'] : [];
    const [name = '', ...rest] = [...asNobody, ...args];
    const { status, stderr } = spawnSync(name, rest, { encoding: 'utf8', env: { PATH: process.env.PATH } });
    program.remove();
    rmSync(folder, { recursive: true });
    expect(stderr).toMatch(/only root may set up this machine: nothing was changed\n.*sudo/);
    expect(status).toBe(2);
  });
});
