import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { DetachedSigner } from '../../lib/openpgp/sign.ts';
import { Backoff } from '../../lib/worker/backoff.ts';

/** Calls in a row that nobody answered: a vault that is still away by then fails the job, which is tried again later. */
export const maxAway = 6;

/** A call to the vault ended without an answer, or was not taken: its qube, or a daemon in it, may be starting again. */
export class VaultAway extends JobFailure {
  constructor(say: string, options: ErrorOptions = {}) {
    super('signing', say, options);
  }
}

/**
 * Whether a call that ended so, as a shell shows it, was not answered at all (facts: qrexec, "Exit status"): the service
 * could not be run, the connection was lost, or a signal ended it. What the service itself ends with is its answer.
 */
export function isAway(status: number | undefined): boolean {
  return status !== undefined && (status === 125 || status === 127 || status > 128);
}

/** Asks a vault that is away again; whatever it answers counts. */
export function patientSigner(signer: DetachedSigner, clock: Clock): DetachedSigner {
  return {
    fingerprint: signer.fingerprint,
    async sign(content, signal) {
      const backoff = new Backoff(clock);
      for (;;) {
        try {
          return await signer.sign(content, signal);
        } catch (error) {
          if (!(error instanceof VaultAway) || backoff.failures + 1 >= maxAway) throw error;
          await backoff.failed(signal);
        }
      }
    },
  };
}
