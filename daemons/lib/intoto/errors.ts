/** Why a file is not believed. */

export type VerificationCode =
  /** It is not a layout that in-toto would load. */
  | 'layout-unreadable'
  /** Nobody's signature was asked for: in-toto believes no layout then. */
  | 'no-owner-key'
  /** An owner has not signed the layout; perhaps someone else has. */
  | 'layout-unsigned'
  /** An owner signed something else. */
  | 'layout-signature-bad'
  | 'owner-key-expired'
  | 'layout-expired'
  /** Fewer links than the threshold were there at all: in-toto's LinkNotFoundError, all that apt's `NoFail` forgives. */
  | 'link-not-found'
  /** Enough links were there, too few of them by good signatures of different keys. */
  | 'threshold-not-met'
  /** Rebuilders of one threshold say different things. */
  | 'links-disagree'
  /** A key or signature of a kind that in-toto, or this program, cannot judge: then nothing is believed. */
  | 'signature-unsupported'
  /** The layout wants a command to be run on the file. */
  | 'inspection-unsupported'
  | 'file-not-in-link'
  | 'hash-differs'
  /** The link has the right sha256 and further hashes: in-toto compares all of them. */
  | 'hash-set-differs'
  /** Any other rule of the layout. */
  | 'rule-violated';

/** What was wrong with one rebuilder's answer. */
export type LinkFault =
  /** Not a link that in-toto would load. */
  | 'malformed'
  /** A layout in place of a link: a sublayout, which apt's transport cannot take either. */
  | 'sublayout'
  /** A link of a step that the layout does not have. */
  | 'wrong-step'
  /** Its first signature is by no key that may do the step. */
  | 'unknown-key'
  /** A later answer has the same step and the same 8 digits of its key. */
  | 'replaced'
  | 'signature-missing'
  | 'signature-bad'
  | 'key-expired'
  /** Valid, and about other files than the link that was compared. */
  | 'differs';

export type LinkReason = Readonly<{ from: string; fault: LinkFault; say: string }>;

/** A file that is not believed, and why. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError';
  constructor(
    readonly code: VerificationCode,
    message: string,
    /** The answers that did not count, where it is about links. */
    readonly reasons: readonly LinkReason[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
