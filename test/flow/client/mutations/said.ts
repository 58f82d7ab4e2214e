import type { VerifyReport } from '../../../../daemons/rebuilderctl/verify/report.ts';
import type { Fetched } from '../verifier.ts';
import type { DebianError } from './expected.ts';

/** What each judge said of a package: `accepted`, or its error. */

/** What in-toto 1.3.1, or Python below it, says with each of its exceptions: the method tells their text alone. */
const debianErrors: Readonly<Record<DebianError, RegExp>> = {
  LinkNotFoundError: /Step '.*' requires '\d+' link metadata file\(s\), found '\d+'/,
  ThresholdVerificationError:
    /requires at least '\d+' links validly signed by different authorized functionaries|have different artifacts!/,
  RuleVerificationError: /'DISALLOW .*' matched the following artifacts|'REQUIRE .*' did not find/,
  SignatureVerificationError: /(?:No signature found for key|Invalid signature for keyid) '/,
  LayoutExpiredError: /Layout expired/,
  BadReturnValueError: /Got non-zero return value/,
  FormatError: /Invalid Metadata format|Malformed date string in layout|Invalid threshold|Could not encode/,
  JSONDecodeError: /: line \d+ column \d+ \(char \d+\)/,
  UnicodeDecodeError: /codec can't decode byte/,
  'binascii.Error': /Odd-length string/,
  AttributeError: /object has no attribute/,
  TypeError: /object is not iterable/,
  apt: /File has unexpected size/,
};

/** A run of apt's, as far as it is about one package. */
export type Heard = Readonly<{ fetched: boolean; lines: string }>;

export function heardOf({ log, files }: Fetched, name: string, file: string): Heard {
  const lines = log.split('\n').filter((line) => line.startsWith('E: ') && line.includes(`/${name}_`));
  return { fetched: files.includes(file), lines: lines.join('\n') };
}

/** securesystemslib 0.26 gives gpg three seconds, which on a busy machine are over soon: then nothing was judged. */
export function isOutOfTime({ lines }: Heard): boolean {
  return /timed out after \d+ seconds/.test(lines);
}

export function debianSaid({ fetched, lines }: Heard): string {
  if (fetched) return 'accepted';
  const said = Object.entries(debianErrors).filter(([, text]) => text.test(lines));
  return said.map(([error]) => error).join(' or ') || lines;
}

export function methodSaid({ fetched, lines }: Heard): string {
  if (fetched) return 'accepted';
  if (debianErrors.apt.test(lines)) return 'apt';
  if (/in-toto refuses .*: APT::Intoto::Layout .*: has more than \d+ bytes/.test(lines))
    return 'layout-too-large';
  const [, code, rest = ''] = /in-toto refuses \S+ \S+: ([a-z-]+): (.*)/.exec(lines) ?? [];
  const [, fault] = /; \S+: ([a-z-]+), /.exec(rest) ?? [];
  return code === undefined ? lines : [code, fault].filter((one) => one !== undefined).join(' ');
}

export function verifySaid({ verdict, code, ignored }: VerifyReport): string {
  if (verdict === 'accepted') return 'accepted';
  return [code, ignored[0]?.fault].filter((one) => one !== undefined).join(' ');
}
