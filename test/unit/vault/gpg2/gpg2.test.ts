import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitGpg2Signer } from '../../../../daemons/attester/sign/split-gpg2.ts';
import { openVaultAgent, type VaultAgent } from '../../../../daemons/attester/sign/vault-agent.ts';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { type Fingerprint, parseFingerprint } from '../../../../daemons/lib/domain/names.ts';
import { dearmor } from '../../../../daemons/lib/openpgp/armor.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import type { RawCall } from '../../../../daemons/lib/wire/call.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';
import { openVaultCalls, type VaultCalls } from '../../../support/vault-calls.ts';

describe('a vault that speaks as split-gpg2', () => {
  let dir: string;
  let calls: VaultCalls;
  let keys: BundledProgram;
  let key: Fingerprint;
  let publicKey: string;
  let agent: VaultAgent;
  const state = () => join(dir, 'v');
  const log = () => join(state(), 'signatures.log');
  const logged = () => (existsSync(log()) ? readFileSync(log(), 'utf8').split('\n').filter(Boolean) : []);

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'gpg2-'));
    calls = await openVaultCalls(state());
    keys = bundleProgram('daemons/vault/keys/main.ts');
    const made = execFileSync(process.execPath, [keys.path, 'make', 'Test rebuilder'], {
      env: { ...process.env, STATE_DIRECTORY: state() },
      encoding: 'utf8',
      stdio: 'pipe',
    });
    const [fingerprint = '', ...rest] = made.split('\n');
    key = parseFingerprint(fingerprint);
    publicKey = rest.join('\n');
    agent = await openVaultAgent({
      home: join(dir, 'a'),
      publicKeys: [Buffer.from(publicKey)],
      caller: { raw: call },
      clock: systemClock,
    });
  }, 60_000); // two RSA keys
  afterAll(async () => {
    await agent?.close();
    await calls.close();
    for (const home of [join(state(), 'gnupg'), join(state(), 'gnupg/qubes-auto-keyring'), join(dir, 'a')]) {
      execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'ignore' });
    }
    rmSync(dir, { recursive: true, force: true });
    keys.remove();
  });

  function call(): RawCall {
    return calls.call('qubes.Gpg2');
  }

  /** What a caller hears that types this, without the greeting. */
  async function typed(text: string): Promise<string> {
    const one = call();
    one.stdin.end(text, 'latin1');
    const heard = buffer(one.stdout);
    expect(await one.exited).toBe(0);
    const [, rest] = /^OK Pleased to meet you[^\n]*\n(.*)$/s.exec((await heard).toString('latin1')) ?? [];
    return rest ?? 'no greeting';
  }

  it('signs for gpg in the attester’s qube with a subkey, and logs the digest', async () => {
    const content = Buffer.from('a document\n'.repeat(50_000));
    const before = logged().length;
    const signature = await splitGpg2Signer(key, agent).sign(content);
    const subkey = Object.keys(
      readPublicKey(dearmor(Buffer.from(publicKey))).subkeys ?? {},
    )[0]?.toUpperCase();
    expect(logged()).toHaveLength(before + 1);
    expect(logged().at(-1)).toMatch(/signed digest=8:[0-9a-f]{64} keygrip=[0-9A-F]{40} for=work-attester$/);
    // The digest is of the document and the signature's own trailer: not the document's.
    expect(logged().at(-1)).not.toContain(createHash('sha256').update(content).digest('hex'));
    writeFileSync(join(dir, 'check.gpg'), dearmor(Buffer.from(publicKey)));
    writeFileSync(join(dir, 'check.sig'), signature);
    const args = ['--status-fd', '1', '--keyring', join(dir, 'check.gpg'), join(dir, 'check.sig'), '-'];
    const status = execFileSync('gpgv', args, { input: content, encoding: 'utf8', stdio: 'pipe' });
    expect(status).toMatch(new RegExp(`VALIDSIG ${subkey} .* ${key}$`, 'm'));
  });

  it('signs several at once, of one copy of the keys, while others use the home', async () => {
    const home = join(state(), 'gnupg');
    const copy = () => statSync(join(home, 'qubes-auto-keyring/copied')).ino;
    const signer = splitGpg2Signer(key, agent);
    await signer.sign(Buffer.from('first'));
    const before = copy();
    for (const texts of [
      ['a', 'b', 'c', 'd'],
      ['e', 'f', 'g', 'h'],
    ]) {
      execFileSync('gpg', ['--homedir', home, '--batch', '--export-secret-subkeys'], { stdio: 'pipe' });
      const signatures = await Promise.all(texts.map((text) => signer.sign(Buffer.from(text))));
      expect(new Set(signatures.map((one) => one.toString('hex'))).size).toBe(4);
    }
    expect(copy()).toBe(before);
  });

  it('starts its agent again when that has ended, and copies the keys again when there is another', async () => {
    const home = join(state(), 'gnupg');
    const signer = splitGpg2Signer(key, agent);
    const copy = join(home, 'qubes-auto-keyring');
    execFileSync('gpgconf', ['--homedir', copy, '--kill', 'gpg-agent']);
    expect((await signer.sign(Buffer.from('x'))).length).toBeGreaterThan(0);

    execFileSync(process.execPath, [keys.path, 'make', 'Another'], {
      env: { ...process.env, STATE_DIRECTORY: state() },
      stdio: 'pipe',
    });
    expect((await signer.sign(Buffer.from('x'))).length).toBeGreaterThan(0);
    const copied = execFileSync('gpg', ['--homedir', copy, '--with-colons', '-K'], { encoding: 'utf8' });
    expect(copied.match(/^ssb:/gm)).toHaveLength(2);
  });

  it('copies the keys again, once for all who ask, when it was killed while it copied', async () => {
    const copy = join(state(), 'gnupg/qubes-auto-keyring');
    execFileSync('gpgconf', ['--homedir', copy, '--kill', 'gpg-agent']);
    rmSync(copy, { recursive: true });
    mkdirSync(copy, { mode: 0o700 });
    const signer = splitGpg2Signer(key, agent);
    const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const signatures = await Promise.all(texts.map((text) => signer.sign(Buffer.from(text))));
    expect(new Set(signatures.map((one) => one.toString('hex'))).size).toBe(texts.length);
  });

  it('lets nobody use the key that certifies', async () => {
    const home = join(state(), 'gnupg');
    const list = execFileSync('gpg', ['--homedir', home, '--with-colons', '--with-keygrip', '-K'], {
      encoding: 'utf8',
    });
    const [primary = '', subkey = ''] = [...list.matchAll(/^grp:{9}([0-9A-F]{40}):/gm)].map(
      (found) => found[1],
    );
    const sign = (grip: string) => typed(`SIGKEY ${grip}\nSETHASH 8 ${'0'.repeat(64)}\nPKSIGN\n`);
    expect(await sign(subkey)).toMatch(/^OK\nOK\nD \(7:sig-val.*\)\)\)\nOK\n$/s);
    expect(await sign(primary)).toBe('OK\nOK\nERR 67108881 No secret key <GPG Agent>\n');
  });

  // What the real server (1.1.11) answered to the same lines, recorded: qubes-app-linux-split-gpg2, splitgpg2/__init__.py.
  const filtered = 'ERR 67109888 Command filtered by split-gpg2.\n';
  it.each([
    ['nothing', '', ''],
    ['its end', 'BYE\nNOP\n', 'OK closing connection\n'],
    ['what it does not pass on', 'NOP\nGENKEY\nNOP\n', `OK\n${filtered}`],
    ['an empty line', '\nNOP\n', 'OK\n'],
    ['a last line without its line feed', 'NOP', 'OK\n'],
    ['a line of 1,002 bytes', `NOP ${'x'.repeat(998)}\nNOP\n`, 'OK\nOK\n'],
    ['a line of 1,003 bytes', `NOP ${'x'.repeat(999)}\nNOP\n`, filtered],
    ['a line of 65,537 bytes', `${'x'.repeat(65_537)}\nNOP\n`, ''],
    ['a key that is not there, once it is set', `SIGKEY ${'A'.repeat(40)}\nNOP\n`, `OK\n${filtered}`],
  ])('answers %s as the real server does', async (_what, text, answer) => {
    expect(await typed(text)).toBe(answer);
  });

  it('hands out no signature that it could not log', async () => {
    const before = existsSync(log()) ? readFileSync(log()) : Buffer.alloc(0);
    rmSync(log(), { force: true });
    mkdirSync(log());
    try {
      await expect(splitGpg2Signer(key, agent).sign(Buffer.from('x'))).rejects.toMatchObject({
        code: 'signing',
      });
    } finally {
      rmSync(log(), { recursive: true });
      writeFileSync(log(), before);
    }
  });
});
