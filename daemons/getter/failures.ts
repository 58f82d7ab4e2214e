import { ArchiveError } from '../lib/archive/errors.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import { NetError } from '../lib/net/errors.ts';

/**
 * What an error of the archive means for a job: it could not be reached, or what it sent must not be used. Any other
 * error is passed on as it is.
 */
export function asJobFailure(error: unknown): unknown {
  if (error instanceof NetError) {
    const bad = error.code === 'mismatch' || error.code === 'too-large';
    return new JobFailure(bad ? 'archive-untrusted' : 'archive-unreachable', error.message, { cause: error });
  }
  if (error instanceof ArchiveError) {
    const away = error.code === 'unreachable' || error.code === 'not-found';
    return new JobFailure(away ? 'archive-unreachable' : 'archive-untrusted', error.message, {
      cause: error,
    });
  }
  return error;
}
