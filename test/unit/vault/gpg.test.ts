import { execFileSync, spawn } from 'node:child_process';
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
import {
  encodeCommand,
  encodeData,
  encodeEnd,
  type Frame,
  readFrames,
} from '../../../daemons/lib/openpgp/split-gpg.ts';
import type { RawCall } from '../../../daemons/lib/wire/call.ts';
import { type BundledProgram, bundleProgram } from '../../support/program.ts';

describe('the vault', () => {
  let state: string;
  let gpg: BundledProgram;
  let keys: BundledProgram;
  let key: Fingerprint;
  let publicKey: string;
  const log = () => join(state, 'signatures.log');

  beforeAll(() => {
    state = mkdtempSync(join(tmpdir(), 'vault-'));
    gpg = bundleProgram('daemons/vault/gpg/main.ts');
    keys = bundleProgram('daemons/vault/keys/main.ts');
    const [fingerprint = '', ...rest] = runKeys('make', 'Test rebuilder').split('\n');
    key = parseFingerprint(fingerprint);
    publicKey = rest.join('\n');
  });
  afterAll(() => {
    execFileSync('gpgconf', ['--homedir', join(state, 'gnupg'), '--kill', 'all'], { stdio: 'ignore' });
    rmSync(state, { recursive: true, force: true });
    gpg.remove();
    keys.remove();
  });

  function runKeys(...args: string[]): string {
    return execFileSync(process.execPath, [keys.path, ...args], {
      env: { ...process.env, STATE_DIRECTORY: state },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  function call(): RawCall {
    const child = spawn(process.execPath, [gpg.path], {
      env: { PATH: process.env.PATH, STATE_DIRECTORY: state, QREXEC_REMOTE_DOMAIN: 'work-attester' },
    });
    const exited = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 255)));
    child.stdin.on('error', () => {});
    return {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exited,
      kill: () => child.kill(),
    };
  }

  async function frames(one: RawCall): Promise<Frame[]> {
    const all: Frame[] = [];
    for await (const frame of readFrames(one.stdout, 2)) all.push(frame);
    return all;
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
    expect(() => runKeys(...args)).toThrow(/vault-keys: /);
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

  it('passes on what gpg says of a key it does not have', async () => {
    const one = call();
    one.stdin.write(encodeCommand(['-b', '-u', '00'.repeat(20)]));
    one.stdin.write(encodeEnd(0));
    const all = await frames(one);
    expect(all.at(-1)).toEqual({ kind: 'exit', code: 2 });
    const said = all.flatMap((frame) => (frame.kind === 'data' && frame.stream === 1 ? [frame.data] : []));
    expect(Buffer.concat(said).toString()).toContain('No secret key');
  });

  it.each([
    ['a command in two pieces', (bytes: Buffer) => bytes.subarray(0, 500)],
    ['a command it does not allow', () => encodeCommand(['--export-secret-keys'])],
    [
      'a frame longer than frames are',
      (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('0000000000200000', 'hex')]),
    ],
    [
      'a stream that is not there',
      (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('0100000000000000', 'hex')]),
    ],
  ])('ends the call on %s, without a frame', async (_what, spoil) => {
    const before = logged();
    const one = call();
    one.stdin.write(spoil(signCommand()));
    expect(await frames(one)).toEqual([]);
    expect(await one.exited).toBe(1);
    expect(logged()).toEqual(before);
  });

  it('signs nothing for a caller that leaves before its document’s end', async () => {
    const before = logged();
    const one = call();
    one.stdin.write(signCommand());
    one.stdin.end(encodeData(0, Buffer.from('half a docu')));
    expect(await frames(one)).toEqual([]);
    // The real server ends with 0 here.
    expect(await one.exited).toBe(0);
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
