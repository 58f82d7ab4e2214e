/** The parts of a Debian version: deb-version(7). An absent revision is the empty string. */
export type VersionParts = Readonly<{ epoch: string; upstream: string; revision: string }>;

/** Splits at the first colon and the last hyphen; takes any text, as foreign indexes hold odd ones. */
export function splitDebVersion(version: string): VersionParts {
  const colon = version.indexOf(':');
  const rest = colon < 0 ? version : version.slice(colon + 1);
  const hyphen = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? '' : version.slice(0, colon),
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? '' : rest.slice(hyphen + 1),
  };
}

/**
 * Orders two Debian versions as dpkg does (lib/dpkg/version.c): negative when `a` is older, positive when newer, 0 when
 * dpkg calls them equal (`1.0` and `1.0-0` are). Digit runs may have any length.
 */
export function compareDebVersions(a: string, b: string): number {
  if (a === b) return 0;
  const left = splitDebVersion(a);
  const right = splitDebVersion(b);
  return (
    compareDigits(left.epoch, right.epoch) ||
    compareRuns(left.upstream, right.upstream) ||
    compareRuns(left.revision, right.revision)
  );
}

const relations = ['<<', '<=', '=', '>=', '>>'] as const;
export type Relation = (typeof relations)[number];

/** Whether `version relation bound` holds: Debian Policy 7.1. */
export function satisfies(version: string, relation: Relation, bound: string): boolean {
  const order = compareDebVersions(version, bound);
  switch (relation) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

/** The suffix that a binary-only rebuild added (`+b2`), or none: Debian Developer's Reference 5.10.2.1. */
export function binNmuSuffix(version: string): string {
  return /\+b[1-9]\d*$/.exec(version)?.[0] ?? '';
}

/**
 * The version of the build that made a binary: what its changelog and its buildinfo say. Binaries may have versions of
 * their own, so it is the source's, with the binary's binNMU suffix where there is one.
 */
export function buildVersion(sourceVersion: string, binaryVersion: string): string {
  if (sourceVersion === binaryVersion) return sourceVersion;
  const suffix = binNmuSuffix(binaryVersion);
  return suffix === '' || suffix === binNmuSuffix(sourceVersion) ? sourceVersion : sourceVersion + suffix;
}

function weight(code: number): number {
  if (code === 0x7e) return -1; // ~ sorts before the end
  if (code >= 0x30 && code <= 0x39) return 0;
  const letter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return letter ? code : code + 256;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function compareRuns(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a.charCodeAt(i))) || (j < b.length && !isDigit(b.charCodeAt(j)))) {
      const left = i < a.length ? weight(a.charCodeAt(i)) : 0;
      const right = j < b.length ? weight(b.charCodeAt(j)) : 0;
      if (left !== right) return left - right;
      i += 1;
      j += 1;
    }
    const startA = i;
    const startB = j;
    while (i < a.length && isDigit(a.charCodeAt(i))) i += 1;
    while (j < b.length && isDigit(b.charCodeAt(j))) j += 1;
    const order = compareDigits(a.slice(startA, i), b.slice(startB, j));
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers written in digits, of any length; none is zero. */
function compareDigits(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}
