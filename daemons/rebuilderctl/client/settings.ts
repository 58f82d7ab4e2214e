import type { Fingerprint } from '../../lib/domain/names.ts';
import { CommandError } from '../errors.ts';

/** What a verifier's apt is told: whom to ask, and whose signature on the layout to want. */
export type Settings = Readonly<{
  /** Base URLs, without a slash at the end. */
  rebuilders: readonly string[];
  owners: readonly Fingerprint[];
  /** Python's levels: 10 tells everything, 20 each step, 30 warnings alone. */
  logLevel: number;
  /** Whether apt may install what too few rebuilders have a link for. */
  noFail: boolean;
}>;

export const maxRebuilders = 100;
export const maxOwners = 100;
const maxUrl = 500;
export const defaultLogLevel = 20;

const host = String.raw`(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)`;
const rebuilderUrl = new RegExp(`^https?://${host}(?::\\d{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,=:@/-]*)?$`);

/**
 * A rebuilder's base URL in a form that both apt methods read from apt's configuration.
 *
 * @throws CommandError with the reason why it would not arrive there as it is
 */
export function parseRebuilder(untrusted: string): string {
  const why = whyNoRebuilder(untrusted);
  if (why === undefined) return untrusted.replace(/\/+$/, '');
  throw new CommandError(`--rebuilder ${JSON.stringify(untrusted.slice(0, 200))}: ${why}`);
}

/** Why a text cannot be a rebuilder in apt's configuration; undefined if it can. */
export function whyNoRebuilder(untrusted: string): string | undefined {
  if (untrusted.length > maxUrl) return `longer than ${maxUrl} characters`;
  if (!/^https?:\/\//.test(untrusted)) return 'expected an http:// or https:// URL';
  // apt-transport-in-toto splits what apt tells it at each :: (intoto.py, _intoto_parse_config), and then apt waits for ever.
  if (untrusted.includes('::')) {
    return 'a :: makes apt-transport-in-toto fail and apt wait for ever: use a host name, or write the IPv6 address out, without ::';
  }
  // apt decodes it in its files and encodes it for its methods, which do not decode it.
  if (untrusted.includes('%')) return 'a % does not arrive at apt-transport-in-toto as it is written';
  if (/^https?:\/\/[^/]*@/.test(untrusted)) {
    return 'holds a password or a user name, which everybody on the machine could read in apt.conf.d';
  }
  if (/[?#]/.test(untrusted)) return 'has a ? or #: /sources/... is appended to it';
  if (!rebuilderUrl.test(untrusted) || !URL.canParse(untrusted)) return 'is not a plain URL';
  return undefined;
}

/** @throws CommandError */
export function parseLogLevel(untrusted: string): number {
  if (/^\d{1,2}$/.test(untrusted) && Number(untrusted) <= 50) return Number(untrusted);
  throw new CommandError(
    `--log-level: found ${JSON.stringify(untrusted.slice(0, 20))}, expected a number from 0 to 50 (10 everything, 20 each step, 30 warnings)`,
  );
}
