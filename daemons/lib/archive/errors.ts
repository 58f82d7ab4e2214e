export const archiveErrorCodes = [
  'unsigned',
  'bad-signature',
  'no-key',
  'expired',
  'not-yet-valid',
  'hash-mismatch',
  'malformed',
  'too-large',
  'not-found',
  'unreachable',
] as const;
export type ArchiveErrorCode = (typeof archiveErrorCodes)[number];

/** An archive's file cannot be had, or is not what its signature or its index says. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  constructor(
    readonly code: ArchiveErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
