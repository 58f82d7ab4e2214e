import { ProgramError, run } from '../daemon/program.ts';
import { type Fingerprint, parseFingerprint } from '../domain/names.ts';
import { OpenPgpError } from './error.ts';
import type { DetachedSigner } from './sign.ts';

/** Runs gpg, or what stands for it: `GNUPG` may name another program, as it does for in-toto's own tools. */

export interface GpgOptions {
  /** The program and leading arguments, split at blanks: the value of `GNUPG`; `gpg` by default. */
  readonly command?: string | undefined;
  /** GnuPG home directory; the program's own default when absent. */
  readonly home?: string | undefined;
  readonly timeoutMs?: number;
}

/** A prompt of split-GPG may wait for its person. */
const defaultTimeoutMs = 120_000;
const maxSignatureBytes = 65_536;
const maxKeyBytes = 8 * 1_048_576;

export interface GpgSignerOptions extends GpgOptions {
  /** Whom gpg is told to sign as; the fingerprint unless told otherwise. */
  readonly user?: (() => string) | undefined;
}

/** Signs with the key of that fingerprint, as in-toto calls gpg (facts: in-toto §8). */
export function gpgSigner(fingerprint: Fingerprint, options: GpgSignerOptions = {}): DetachedSigner {
  return {
    fingerprint,
    async sign(content, signal) {
      const user = options.user?.() ?? fingerprint;
      const args = ['--detach-sign', '--digest-algo', 'SHA256', '--local-user', user];
      return runGpg(args, options, {
        input: content,
        maxOutput: maxSignatureBytes,
        ...(signal ? { signal } : {}),
      });
    },
  };
}

/** The public key of that fingerprint as packets, not armoured. */
export async function exportPublicKey(fingerprint: Fingerprint, options: GpgOptions = {}): Promise<Buffer> {
  const key = await runGpg(['--export', fingerprint], options, { maxOutput: maxKeyBytes });
  if (key.length === 0) throw new OpenPgpError('no-key', `gpg has no public key ${fingerprint}`);
  return key;
}

export interface NewKey {
  readonly userId: string;
  readonly bits: number;
  /** As gpg takes it: `2y`, `never`. */
  readonly expires: string;
}

/**
 * Makes an RSA key without a passphrase whose primary part certifies and whose subkey signs, as split-gpg2 wants it, and
 * returns the fingerprint of the primary.
 */
export async function makeSigningKey(key: NewKey, options: GpgOptions = {}): Promise<Fingerprint> {
  const args = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', '', '--status-fd', '1'];
  const status = await runGpg(
    [...args, '--quick-generate-key', key.userId, `rsa${key.bits}`, 'cert', key.expires],
    options,
    { maxOutput: maxSignatureBytes },
  );
  const created = /^\[GNUPG:\] KEY_CREATED [PB] ([0-9A-F]{40})/m.exec(status.toString('utf8'))?.[1];
  if (created === undefined) throw new OpenPgpError('gpg', 'gpg did not say which key it made');
  const fingerprint = parseFingerprint(created);
  await runGpg([...args, '--quick-add-key', fingerprint, `rsa${key.bits}`, 'sign', key.expires], options, {
    maxOutput: maxSignatureBytes,
  });
  return fingerprint;
}

async function runGpg(
  args: readonly string[],
  options: GpgOptions,
  more: { input?: Uint8Array; maxOutput: number; signal?: AbortSignal },
): Promise<Buffer> {
  const [program = 'gpg', ...leading] = (options.command ?? 'gpg').split(/\s+/).filter((word) => word !== '');
  const home = options.home === undefined ? [] : ['--homedir', options.home];
  try {
    const { stdout } = await run(program, [...leading, ...home, ...args], {
      timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
      env: environment(),
      ...more,
    });
    return stdout;
  } catch (error) {
    if (error instanceof ProgramError) throw new OpenPgpError('gpg', error.message, { cause: error });
    throw error;
  }
}

/** What gpg and split-GPG's wrapper take from their caller's environment. */
function environment(): Record<string, string> {
  const names = ['GNUPGHOME', 'QUBES_GPG_DOMAIN', 'QREXEC_CLIENT_PATH', 'GPG_TTY', 'DISPLAY'];
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
