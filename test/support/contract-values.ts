import fc from 'fast-check';
import { textsUpTo } from './texts.ts';

/** Values that the fields of contracts accept, as their writers make them. */

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));

export const sha256s = hex(64);
export const sourceNames = fc.oneof(
  fc.constantFrom('libcap2', 'gtk+2.0', 'a7', '0ad', 'x'.repeat(255)),
  fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,30}$/),
);
export const versions = fc.oneof(
  fc.constantFrom('1:2.66-4+deb12u1+b2', '0~~rc1', '20230404+ds-1~bpo12+1', '999999999:0', '9'.repeat(255)),
  fc.stringMatching(/^([0-9]{1,3}:)?[0-9A-Za-z][0-9A-Za-z.+~-]{0,20}$/),
);
export const architectures = fc.constantFrom('amd64', 'all', 'kfreebsd-amd64', 'arm64');
export const poolFileNames = fc.oneof(
  fc.constantFrom('libcap2_2.66-4+deb12u1+b2_amd64.deb', 'a_1%3a2_all.deb', 'x.dsc', '0'),
  fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z.+~_%-]{0,40}$/),
);
export const fingerprints = fc.stringMatching(/^[0-9A-F]{40}$/);
export const publicationPaths = fc.oneof(
  fc.constantFrom('debian/sources/libcap2/1:2.66-4/metadata', 'debian/0123.asc', 'x'),
  fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z.+~:_%-]{0,9}(\/[0-9A-Za-z][0-9A-Za-z.+~:_%-]{0,9}){0,5}$/),
);
export const dists = fc.constantFrom(
  'bookworm.amd64',
  'unstable+essential+required.amd64',
  'bookworm/updates.all',
  'qubes-4.3-vm-trixie.all',
  'fedora-43.x86_64',
);
export const buildIds = fc.stringMatching(/^[a-z2-7]{16}$/);
export const jobIds = fc.stringMatching(/^[a-z2-7]{16}\.(feed|inputs|deb|attest|upload)$/);
export const fences = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constant(2 ** 50));
export const counts = fc.oneof(fc.nat(1_000), fc.constantFrom(0, 2 ** 31));
export const sizes = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 40));
export const wallTimes = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 53 - 1));
export const durations = fc.oneof(fc.nat(100), fc.constantFrom(0, 0.25, 10 ** 8));
export const texts = textsUpTo(30);
export const partLists = fc.constantFrom(['any'], ['all'], ['any', 'all']);
export const failureCodes = fc.constantFrom('source-missing', 'environment-unknown', 'protocol');

/** A list that is never empty, so that whatever is said of its members is said of one at least. */
export function some<T>(member: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> {
  return fc.array(member, { minLength: 1, maxLength });
}

const environments = fc.oneof(
  fc.constant({ kind: 'inferred' as const }),
  fc.record({ kind: fc.constant('buildinfo' as const), objects: some(sha256s) }),
  fc.record({ kind: fc.constant('buildinfo-at' as const), urls: some(texts) }),
);

export const buildSpecs = fc.record({
  dist: dists,
  source: sourceNames,
  sourceVersion: versions,
  version: versions,
  architecture: architectures,
  parts: partLists,
  environment: environments,
  evidence: sha256s,
});

/** How the laws are to read what is inside a build's `environment`. */
export const ofBuildSpec = {
  lists: { parts: 2, 'environment.objects': 20, 'environment.urls': 20 },
  texts: { 'environment.urls.*': 1_000 },
} as const;

export const officialFiles = fc.record({ name: poolFileNames, sha256: sha256s, size: sizes });

export const judgedFiles = fc.record({
  name: poolFileNames,
  package: sourceNames,
  version: versions,
  architecture: architectures,
  officialSha256: sha256s,
  rebuiltSha256: sha256s,
  verdict: fc.constantFrom(
    'reproducible',
    'unreproducible',
    'environment-unknown',
    'not-judged',
    'not-built',
  ),
});

/** Members of a judged file that say nothing where nothing is known. */
export const nullableOfJudgedFile = [
  'package',
  'version',
  'architecture',
  'officialSha256',
  'rebuiltSha256',
] as const;
