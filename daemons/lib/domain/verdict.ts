/** The words of DESIGN §4: what a file is, what a build is, and why a build failed. */

export const fileVerdicts = [
  'reproducible',
  'unreproducible',
  'environment-unknown',
  'not-judged',
  'not-built',
] as const;
export type FileVerdict = (typeof fileVerdicts)[number];

export const buildVerdicts = ['reproducible', 'unreproducible', 'failure'] as const;
export type BuildVerdict = (typeof buildVerdicts)[number];

/** The verdicts that are signed, each with keys of its own. */
export const signedVerdicts = ['reproducible', 'unreproducible'] as const;
export type SignedVerdict = (typeof signedVerdicts)[number];

export const failureCodes = [
  'source-missing',
  'dependency-missing',
  'buildinfo-missing',
  'buildinfo-mismatch',
  'environment-unknown',
  'archive-unreachable',
  'archive-untrusted',
  'build-failed',
  'timed-out',
  'too-large',
  'sandbox',
  'signing',
  'protocol',
] as const;
export type FailureCode = (typeof failureCodes)[number];

/** Whose fault a failure is: each side has its own retry budget. */
export const faults = ['package', 'ours'] as const;
export type Fault = (typeof faults)[number];

const faultOfCode: Readonly<Record<FailureCode, Fault>> = {
  'source-missing': 'package',
  'dependency-missing': 'package',
  'buildinfo-missing': 'package',
  'buildinfo-mismatch': 'package',
  'environment-unknown': 'package',
  'archive-unreachable': 'ours',
  'archive-untrusted': 'ours',
  'build-failed': 'package',
  'timed-out': 'package',
  'too-large': 'package',
  sandbox: 'ours',
  signing: 'ours',
  protocol: 'ours',
};

/** Which retry budget a failure draws on. */
export function faultOf(code: FailureCode): Fault {
  return faultOfCode[code];
}

/** Codes that another try cannot change while the archive stays as it is. */
export function isFinal(code: FailureCode): boolean {
  return code === 'buildinfo-mismatch' || code === 'environment-unknown' || code === 'buildinfo-missing';
}

/** What people see for a build (DESIGN §4). */
export const shownStates = [
  'pending',
  'running',
  'retry',
  'reproducible',
  'unreproducible',
  'failure',
] as const;
export type ShownState = (typeof shownStates)[number];
