import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitGpgSigner } from '../../../daemons/attester/sign/split-gpg.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { type Fingerprint, parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { dearmor } from '../../../daemons/lib/openpgp/armor.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { encodeCommand, encodeData, encodeEnd } from '../../../daemons/lib/openpgp/split-gpg.ts';
import type { RawCall } from '../../../daemons/lib/wire/call.ts';
import { type BundledProgram, bundleProgram } from '../../support/program.ts';
import { openVaultCalls, type VaultCalls } from '../../support/vault-calls.ts';

describe('the vault', () => {
  let state: string;
  let calls: VaultCalls;
  let keys: BundledProgram;
  let key: Fingerprint;
  let publicKey: string;
  const log = () => join(state, 'signatures.log');

  beforeAll(async () => {
    state = mkdtempSync(join(tmpdir(), 'vault-'));
    calls = await openVaultCalls(state);
    keys = bundleProgram('daemons/vault/keys/main.ts');
    const [fingerprint = '', ...rest] = runKeys('make', 'Test rebuilder').split('\n');
    key = parseFingerprint(fingerprint);
    publicKey = rest.join('\n');
  }, 60_000); // an RSA key
  afterAll(async () => {
    await calls.close();
    execFileSync('gpgconf', ['--homedir', join(state, 'gnupg'), '--kill', 'all'], { stdio: 'ignore' });
    rmSync(state, { recursive: true, force: true });
    keys.remove();
  });

  function runKeys(...args: string[]): string {
    return execFileSync(process.execPath, [keys.path, ...args], {
      env: { ...process.env, STATE_DIRECTORY: state },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  const call = () => calls.call('qubes.Gpg');

  /** Everything that a caller hears who writes these bytes, and perhaps no more. */
  async function heard(bytes: Buffer, then: 'stays' | 'leaves' = 'stays') {
    const one = call();
    if (then === 'leaves') one.stdin.end(bytes);
    else one.stdin.write(bytes);
    const [stdout, stderr, status] = await Promise.all([all(one.stdout), all(one.stderr), one.exited]);
    return { stdout, stderr: stderr.toString(), status };
  }

  async function all(stream: RawCall['stdout']): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  const signCommand = () => encodeCommand(['--detach-sign', '--digest-algo', 'SHA256', '--local-user', key]);
  const logged = () => (existsSync(log()) ? readFileSync(log(), 'utf8').split('\n').filter(Boolean) : []);

  it('makes an RSA key of 3072 bits that in-toto can use, and shows its public half', () => {
    const made = readPublicKey(dearmor(Buffer.from(publicKey)));
    expect(made.keyid).toBe(key.toLowerCase());
    expect(made.keyval.public.n).toHaveLength(768);
    expect(runKeys('export', key)).toBe(`${key}\n${publicKey}`);
  });

  it.each([
    ['an unknown verb', ['shred', 'x']],
    ['a key too short for today', ['make', 'Short', '--bits', '1024']],
    ['a key that is not there', ['export', '00'.repeat(20)]],
    ['the same name again', ['make', 'Test rebuilder']],
  ])('has its key program refuse %s in words', (_what, args) => {
    expect(() => runKeys(...args)).toThrow(/rebuilder-keys: /);
  });

  it('signs for the attester’s client, and logs the signature before it leaves', async () => {
    const content = Buffer.from('a document\n'.repeat(50_000));
    const signer = splitGpgSigner(key, { caller: { raw: call }, clock: systemClock });
    const before = logged().length;
    const signature = await signer.sign(content);
    const line = logged()[before] ?? '';
    expect(line).toContain(`sha256=${createHash('sha256').update(content).digest('hex')}`);
    expect(line).toContain(`bytes=${content.length} key=${key} for=work-attester`);

    const keyring = join(state, 'check.gpg');
    writeFileSync(keyring, dearmor(Buffer.from(publicKey)));
    writeFileSync(join(state, 'check.sig'), signature);
    const status = execFileSync(
      'gpgv',
      ['--status-fd', '1', '--keyring', keyring, join(state, 'check.sig'), '-'],
      { input: content, encoding: 'utf8', stdio: 'pipe' },
    );
    expect(status).toMatch(new RegExp(`VALIDSIG .* ${key}$`, 'm'));
  });

  // What the real server (2.0.85) answered to the same bytes, recorded: qubes-app-linux-split-gpg, src/gpg-server.c and
  // src/multiplex.c. Its channels run independently; this is the order that they mostly came in.
  it('answers a signature in the bytes of the real server', async () => {
    const { stdout, status } = await heard(
      Buffer.concat([signCommand(), encodeData(0, Buffer.from('x')), encodeEnd(0)]),
    );
    const length = stdout.readUInt32LE(4);
    expect(stdout.subarray(0, 4).toString('hex')).toBe('00000000');
    expect(stdout.subarray(8, 10).toString('hex')).toBe('8901');
    expect(stdout.subarray(8 + length).toString('hex')).toBe(
      ['0100000000000000', '0000000000000000', 'ffffffff00000000'].join(''),
    );
    expect(status).toBe(0);
  });

  it('passes on what gpg says of a key it does not have, and its status', async () => {
    const name = '00'.repeat(20);
    const said = `gpg: skipped "${name}": No secret key\ngpg: signing failed: No secret key\n`;
    const command = encodeCommand(['-b', '-u', name]);
    expect(await heard(Buffer.concat([command, encodeEnd(0)]))).toEqual({
      stdout: Buffer.concat([
        encodeData(1, Buffer.from(said)),
        Buffer.from('01000000000000000000000000000000fdffffff00000000', 'hex'),
      ]),
      stderr: '',
      status: 0,
    });
  });

  it('hands out the public key for the real client’s `--output -`, before its input has ended', async () => {
    const { stdout } = await heard(encodeCommand(['-o-', '--export', key]));
    const length = stdout.readUInt32LE(4);
    expect(readPublicKey(stdout.subarray(8, 8 + length)).keyid).toBe(key.toLowerCase());
  });

  const frame = (hex: string) => Buffer.from(hex, 'hex');
  it.each([
    [
      'a command in two pieces',
      (bytes: Buffer) => bytes.subarray(0, 500),
      1,
      'ERROR: Invalid header size: 500\n',
    ],
    [
      'a command longer than commands are',
      (bytes: Buffer) => Buffer.concat([frame('00040000'), bytes.subarray(4)]),
      1,
      'ERROR: Command too long\n',
    ],
    [
      'a command without its end',
      (bytes: Buffer) => Buffer.concat([frame('05000000'), bytes.subarray(4)]),
      1,
      'gpg-server: ERROR: command not NUL-terminated\n',
    ],
    [
      'a control character',
      () => encodeCommand(['-b', '-u', '\x07']),
      1,
      'Command line arguments must be printable UTF-8, sorry\n',
    ],
    [
      'an option that the real server knows and forbids',
      () => encodeCommand(['--command-fd', '5']),
      1,
      'Forbidden option: --command-fd\n',
    ],
    [
      'an output file',
      () => encodeCommand(['-b', '-u', key, '--output', '/tmp/x']),
      1,
      "Only '-' argument supported for --output option\n",
    ],
    [
      'a frame longer than frames are',
      (bytes: Buffer) => Buffer.concat([bytes, frame('0000000001100000')]),
      1,
      'ERROR: Invalid block size received (4097)\n',
    ],
    [
      'a frame as long as can be said',
      (bytes: Buffer) => Buffer.concat([bytes, frame('00000000ffffffff')]),
      1,
      'ERROR: Invalid block size received (-1)\n',
    ],
    [
      'a stream that is not there',
      (bytes: Buffer) => Buffer.concat([bytes, frame('0100000000000000')]),
      1,
      'ERROR: invalid fd number\n',
    ],
    [
      'an exit status of its caller’s, which becomes its own',
      (bytes: Buffer) => Buffer.concat([bytes, frame('fcffffff00000000')]),
      3,
      'the caller ended the call\n',
    ],
  ])('ends the call on %s, without a frame', async (_what, spoil, status, stderr) => {
    const before = logged();
    expect(await heard(spoil(signCommand()))).toEqual({ stdout: Buffer.alloc(0), stderr, status });
    expect(logged()).toEqual(before);
  });

  it.each([
    ['before its command', () => [], 1, 'ERROR: Invalid header size: 0\n'],
    [
      'before its document’s end',
      () => [signCommand(), encodeData(0, Buffer.from('half a docu'))],
      0,
      'EOF\n',
    ],
    ['within a frame’s header', () => [signCommand(), frame('00000000')], 0, 'EOF\n'],
    [
      'within a frame',
      () => [signCommand(), frame('000000000a000000616263')],
      1,
      'ERROR: received incomplete block (expected 10, got 3)\n',
    ],
    // Half-closing once all is said is leaving too.
    [
      'after its document’s end',
      () => [signCommand(), encodeData(0, Buffer.from('x')), encodeEnd(0)],
      0,
      'EOF\n',
    ],
  ])('signs nothing for a caller that leaves %s', async (_what, bytes, status, stderr) => {
    const before = logged();
    const answer = await heard(Buffer.concat(bytes()), 'leaves');
    expect(answer).toEqual({ stdout: Buffer.alloc(0), stderr, status });
    expect(logged()).toEqual(before);
  });

  it('hands out no signature that it could not log', async () => {
    const before = existsSync(log()) ? readFileSync(log()) : Buffer.alloc(0);
    rmSync(log(), { force: true });
    execFileSync('mkdir', [log()]);
    try {
      const signer = splitGpgSigner(key, { caller: { raw: call }, clock: systemClock });
      await expect(signer.sign(Buffer.from('x'))).rejects.toMatchObject({ code: 'signing' });
    } finally {
      rmSync(log(), { recursive: true });
      writeFileSync(log(), before);
    }
  });
});
