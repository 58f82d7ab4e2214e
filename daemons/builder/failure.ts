import type { FailureCode } from '../lib/domain/verdict.ts';

/** Why a build came to nothing, for the builder's report. */
export class BuildFailure extends Error {
  override readonly name = 'BuildFailure';
  constructor(
    readonly code: FailureCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
