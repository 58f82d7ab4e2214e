/** Why published evidence does not vouch for a file. */

export type EvidenceCode =
  | 'statement-missing'
  /** No signature in the envelope is by the key that was given. */
  | 'statement-unsigned'
  | 'statement-malformed'
  /** Signed, and about other files, or another verdict. */
  | 'statement-other'
  | 'evidence-missing'
  | 'evidence-malformed'
  /** Not the document that the statement names. */
  | 'evidence-replaced'
  /** About other files, or another verdict. */
  | 'evidence-other'
  | 'release-missing'
  /** Not the bytes that the evidence names. */
  | 'release-replaced'
  /** Not signed by the archive's keys, or of another distribution, or it does not name the index. */
  | 'release-untrusted'
  /** The signed index is here and does not name the file. */
  | 'index-lacks-file'
  | 'buildinfo-missing'
  | 'buildinfo-replaced'
  /** It is of another build, or has another checksum of the file. */
  | 'buildinfo-other';

/** A file that its evidence does not vouch for, and why. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  constructor(
    readonly code: EvidenceCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
