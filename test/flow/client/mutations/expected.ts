import type { LinkFault, VerificationCode } from '../../../../daemons/lib/intoto/errors.ts';
import type { VerifyCode } from '../../../../daemons/rebuilderctl/verify/errors.ts';

/** What each judge has to say of a mutation. */

/** Exceptions of in-toto and of Python, as far as Debian's method tells them; `apt`: apt itself refuses the file. */
export type DebianError =
  | 'LinkNotFoundError'
  | 'ThresholdVerificationError'
  | 'RuleVerificationError'
  | 'SignatureVerificationError'
  | 'LayoutExpiredError'
  | 'BadReturnValueError'
  | 'FormatError'
  | 'JSONDecodeError'
  | 'UnicodeDecodeError'
  | 'binascii.Error'
  | 'AttributeError'
  | 'TypeError'
  | 'apt';

/** A code of ours, and what is wrong with the link that it is about, where there is one. */
export type Ours = VerificationCode | `${VerificationCode} ${LinkFault}`;

/** What each judge has to say. */
export interface Expected {
  readonly method: 'accepted' | Ours | 'layout-too-large' | 'apt';
  /** `rebuilderctl verify`. */
  readonly verify: 'accepted' | Ours | VerifyCode;
  readonly debian: 'accepted' | DebianError;
  /** Why the judges do not agree on whether to accept. */
  readonly why?: string;
}

export const accepted: Expected = { method: 'accepted', verify: 'accepted', debian: 'accepted' };

/** Refused by all: our method and `rebuilderctl verify` say the one, Debian's method the other. */
export function refused(says: Ours, debian: DebianError): Expected {
  return { ...ours(says), debian };
}

/** What both programs of ours say. */
export function ours(says: Ours): Pick<Expected, 'method' | 'verify'> {
  return { method: says, verify: says };
}

export const malformed = refused('link-not-found malformed', 'LinkNotFoundError');
export const unknownKey = refused('link-not-found unknown-key', 'LinkNotFoundError');
export const wrongStep = refused('link-not-found wrong-step', 'LinkNotFoundError');
export const badSignature = refused('threshold-not-met signature-bad', 'ThresholdVerificationError');

/** Whether apt's methods pass over such a link, and believe a good one beside it. */
export function isPassedOver({ method, debian }: Expected): boolean {
  const debianDoes = debian === 'LinkNotFoundError' || debian === 'ThresholdVerificationError';
  return debianDoes && !method.startsWith('signature-unsupported');
}
