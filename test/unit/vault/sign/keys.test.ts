import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { signKinds } from '../../../../daemons/lib/contracts/sign.ts';
import { openSigningKey } from '../../../../daemons/vault/sign/keys.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';

describe("the vault's own keys", () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'sign-keys-'));
  });
  afterEach(() => rmSync(state, { recursive: true }));

  it('are made once, one a kind, for their owner alone', async () => {
    const made = await Promise.all(signKinds.map((kind) => openSigningKey(state, kind)));
    expect(new Set(made.map(({ keyid }) => keyid)).size).toBe(signKinds.length);
    for (const [at, kind] of signKinds.entries()) {
      expect((await openSigningKey(state, kind)).public).toBe(made[at]?.public);
      expect(statSync(join(state, 'sign', `${kind}.pem`)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(join(state, 'sign')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(state, 'sign')).sort()).toEqual(signKinds.map((kind) => `${kind}.pem`).sort());
  });

  it('leave nothing of one that was being made when its maker was killed', async () => {
    mkdirSync(join(state, 'sign'));
    const gone = spawnSync('true').pid;
    const names = ['manifest.pem', `manifest.pem.${process.pid}.new`, `manifest.pem.${process.ppid}.new`];
    writeFileSync(join(state, `sign/manifest.pem.${gone}.new`), 'half');
    writeFileSync(join(state, `sign/${names[2]}`), 'of another that runs');
    await openSigningKey(state, 'manifest');
    expect(readdirSync(join(state, 'sign')).sort()).toEqual(names.filter((_, at) => at !== 1));
  });

  it('are never replaced when they cannot be used', async () => {
    mkdirSync(join(state, 'sign'));
    const path = join(state, 'sign/manifest.pem');
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    for (const wrong of [
      '',
      'not a key',
      privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ]) {
      writeFileSync(path, wrong);
      await expect(openSigningKey(state, 'manifest')).rejects.toMatchObject({
        name: 'VaultKeyError',
        code: 'unusable',
      });
      expect(readFileSync(path, 'utf8')).toBe(wrong);
    }
  });

  describe('as an operator sees them', () => {
    let program: BundledProgram;
    beforeAll(() => {
      program = bundleProgram('daemons/vault/keys/main.ts');
    });
    afterAll(() => program.remove());

    const ask = (...args: string[]) =>
      execFileSync(process.execPath, [program.path, ...args], {
        env: { ...process.env, STATE_DIRECTORY: state },
        encoding: 'utf8',
        stdio: 'pipe',
      });

    it('are listed with their ids, and shown in either form', async () => {
      const lines = ask('list').trimEnd().split('\n');
      for (const [at, kind] of signKinds.entries()) {
        const key = await openSigningKey(state, kind);
        expect(lines[at]).toBe(`${kind} ${key.keyid} ${key.public}`);
        const der = createPublicKey(ask('public', kind)).export({ type: 'spki', format: 'der' });
        expect(der.subarray(-32).toString('hex')).toBe(key.public);
        const theirs = ask('public', kind, '--form', 'rebuilderd').split('\r\n')[1] ?? '';
        expect(Buffer.from(theirs, 'base64').toString('hex')).toBe(
          `302c300706032b65700500032100${key.public}`,
        );
      }
      expect(lines).toHaveLength(signKinds.length);
    });

    it.each([
      [['public', 'layout'], 'expected one of reproducible, unreproducible, manifest'],
      [['public', 'manifest', '--form', 'ssh'], 'expected openssl or rebuilderd'],
      [['public', 'manifest', '--form', 'toString'], 'expected openssl or rebuilderd'],
      [['list', 'all'], 'usage: '],
    ])('are not shown for %j', (args, say) => {
      expect(() => ask(...args)).toThrow(say);
    });
  });
});
