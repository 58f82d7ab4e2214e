/** The bytes of DESIGN §3, "The wire". Numbers are unsigned and big-endian. */

export const lineFeed = 0x0a;
/** One header with its line feed. */
export const maxHeaderBytes = 65_536;
/** How deep a header's JSON may nest. */
export const maxHeaderDepth = 32;
/** Line feeds before a header: a sign of life every 15 s for half a year. */
export const maxLeadingLineFeeds = 1_048_576;
export const maxDataBytes = 65_536;
export const maxFailBytes = 65_536;
export const frameHeadBytes = 5;
export const openBytes = 12;
export const digestBytes = 32;

export const frameKinds = { open: 1, data: 2, close: 3, idle: 4, fail: 5, end: 6 } as const;

/** The size of an object whose size nobody knows yet. */
export const unknownSize = 0xffff_ffff_ffff_ffffn;

/** Whoever is owed nothing yet gives a sign of life this often. */
export const signOfLifeMs = 15_000;
/** A peer that is silent for so long is lost. */
export const silenceMs = 60_000;
/** A disposable boots before it can speak. */
export const bootSilenceMs = 180_000;
/** How long a peer may take nothing of what is written to it, when it has no way to give a sign of life. */
export const stallMs = 600_000;

export type WireErrorCode = 'protocol' | 'lost' | 'too-large' | 'peer-failed';

/**
 * `protocol`: the other side broke the rules above. `lost`: it is gone or silent. `too-large`: a cap was passed.
 * `peer-failed`: it sent FAIL, and everything received is to be dropped.
 */
export class WireError extends Error {
  override readonly name = 'WireError';
  constructor(
    readonly code: WireErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
