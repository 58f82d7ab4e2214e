import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A GnuPG home of a test's own, with a short path (gpg-agent's socket has to fit). */
export interface GnuPg {
  readonly home: string;
  gpg(args: readonly string[], input?: string | Uint8Array): Buffer;
  /** Makes a key without a passphrase; returns its fingerprint. */
  makeKey(userId: string, algorithm?: string, usage?: string, expires?: string): string;
  addSubkey(fingerprint: string, algorithm: string, usage?: string, expires?: string): void;
  exportKey(fingerprint: string): Buffer;
  /** By the certificate that gpg made with the key. */
  revoke(fingerprint: string): void;
  remove(): void;
}

export function openGnuPg(): GnuPg {
  const home = mkdtempSync(join(tmpdir(), 'gpg-'));
  // Test keys need not be strong, and entropy is slow.
  writeFileSync(join(home, 'gpg-agent.conf'), 'debug-quick-random\n');
  const gpg = (args: readonly string[], input?: string | Uint8Array) =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--no-tty', '--pinentry-mode', 'loopback', ...args], {
      ...(input === undefined ? {} : { input }),
      stdio: ['pipe', 'pipe', 'pipe'],
      maxBuffer: 2 ** 28,
    });
  const makeKey: GnuPg['makeKey'] = (userId, algorithm = 'rsa2048', usage = 'sign', expires = 'never') => {
    const status = gpg([
      '--passphrase',
      '',
      '--status-fd',
      '1',
      '--quick-generate-key',
      userId,
      algorithm,
      usage,
      expires,
    ]).toString();
    const fingerprint = /KEY_CREATED [PB] ([0-9A-F]{40})/.exec(status)?.[1];
    if (fingerprint === undefined) throw new Error(`gpg made no key: ${status}`);
    return fingerprint;
  };
  return {
    home,
    gpg,
    makeKey,
    addSubkey: (fingerprint, algorithm, usage = 'sign', expires = 'never') => {
      gpg(['--passphrase', '', '--quick-add-key', fingerprint, algorithm, usage, expires]);
    },
    exportKey: (fingerprint) => gpg(['--export', fingerprint]),
    revoke: (fingerprint) => {
      const folder = join(home, 'openpgp-revocs.d');
      const certificate = readdirSync(folder).find((name) => name.startsWith(fingerprint)) ?? '';
      gpg(['--import'], readFileSync(join(folder, certificate), 'utf8').replace(':-----BEGIN', '-----BEGIN'));
    },
    remove: () => {
      try {
        execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'ignore' });
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
  };
}
