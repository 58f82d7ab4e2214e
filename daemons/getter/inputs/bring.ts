import { setMaxListeners } from 'node:events';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { FailureCode } from '../../lib/domain/verdict.ts';
import { NetError } from '../../lib/net/errors.ts';
import { asJobFailure } from '../failures.ts';
import type { Kept } from '../kept.ts';
import type { NamedFile } from './source.ts';

const maxNamed = 10;

/**
 * Brings many files, as many at a time as the hosts allow. What the mirror does not have is told all at once, with that
 * code; anything else that goes wrong ends it at once.
 */
export async function bringAll(
  wanted: readonly NamedFile[],
  missingCode: FailureCode,
  kept: Kept,
  signal: AbortSignal,
  onBrought: () => void,
): Promise<void> {
  const missing: string[] = [];
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  // Each file listens: Node warns of more than ten.
  setMaxListeners(0, either);
  try {
    await Promise.all(
      wanted.map(async (file) => {
        try {
          await kept.bring(file, either);
          onBrought();
        } catch (error) {
          const gone = error instanceof NetError && (error.code === 'not-found' || error.code === 'refused');
          if (!gone) throw error;
          missing.push(file.name);
        }
      }),
    );
  } catch (error) {
    over.abort();
    throw asJobFailure(error);
  }
  if (missing.length === 0) return;
  const named = missing.sort().slice(0, maxNamed).join(', ');
  const more = missing.length > maxNamed ? ` and ${missing.length - maxNamed} more` : '';
  throw new JobFailure(missingCode, `the mirror does not have ${named}${more}`);
}
