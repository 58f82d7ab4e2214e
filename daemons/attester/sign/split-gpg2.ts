import { ProgramError } from '../../lib/daemon/program.ts';
import type { Fingerprint } from '../../lib/domain/names.ts';
import { OpenPgpError } from '../../lib/openpgp/error.ts';
import { gpgSigner } from '../../lib/openpgp/gpg.ts';
import type { DetachedSigner } from '../../lib/openpgp/sign.ts';
import { silenceOf, vaultFailure } from './call-ending.ts';
import { type SignerOptions, signingTimeoutMs } from './split-gpg.ts';
import type { VaultAgent } from './vault-agent.ts';

/**
 * Signs by split-gpg2: gpg hashes the document here, and its agent in the vault signs the digest with a signing subkey.
 *
 * @throws JobFailure `signing` when the vault refuses, is away or takes too long
 */
export function splitGpg2Signer(
  fingerprint: Fingerprint,
  agent: VaultAgent,
  options: SignerOptions = {},
): DetachedSigner {
  const timeoutMs = options.timeoutMs ?? signingTimeoutMs;
  const command = 'gpg --batch --no-tty --no-autostart';
  const gpg = gpgSigner(fingerprint, { command, home: agent.home, timeoutMs, user: options.user });
  return {
    fingerprint,
    async sign(content, signal) {
      const calls = agent.watch();
      try {
        return await gpg.sign(content, signal);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (!(error instanceof OpenPgpError)) throw error;
        const isLate = error.cause instanceof ProgramError && error.cause.code === 'timed-out';
        if (isLate) throw vaultFailure(silenceOf(timeoutMs), error);
        throw (await calls.trouble()) ?? vaultFailure(`did not sign: ${error.message}`, error);
      } finally {
        calls.stop();
      }
    },
  };
}
