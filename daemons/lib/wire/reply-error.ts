import type { ReplyErrorCode } from '../contracts/contract.ts';

/** A refusal that the caller is told of: the code and one sentence for people (DESIGN §3, in-band errors). */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
  constructor(
    readonly code: ReplyErrorCode,
    readonly say: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${say}`, options);
  }
}
