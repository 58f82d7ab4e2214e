import { ArchiveError } from '../archive/errors.ts';
import type { Keyring } from '../archive/keyring.ts';
import { PackagesLookup, SourcesLookup } from '../archive/lookup.ts';
import type { LookupStore } from '../archive/lookup-store.ts';
import { checkReleaseName, type Release } from '../archive/release.ts';
import type { Evidence } from '../contracts/documents/feed.ts';
import { isOfDistribution } from '../domain/distribution.ts';
import type { Fingerprint, Sha256 } from '../domain/names.ts';
import {
  type KnownReleases,
  type SignedFile,
  type VerifiedRelease,
  verifyRelease,
} from './known-releases.ts';

/** Where the objects of an evidence document are. */
export interface EvidenceObjects {
  /** A small object, its hash checked. */
  read(sha256: Sha256, max: number): Promise<Buffer>;
  /** A file that holds the object, asked for only when its tables are not kept yet. */
  file(sha256: Sha256): Promise<string>;
}

export interface BelieveOptions {
  /** As in the dist: every Release has to be of it. */
  readonly distribution: string;
  /** The verifier's own keys for a suite, never any that came with the evidence. */
  keyringsOf(suite: string): readonly Keyring[];
  readonly objects: Pick<EvidenceObjects, 'read'>;
  /** Those that need not be verified again. */
  readonly releases?: KnownReleases;
  readonly signal?: AbortSignal;
}

export interface OpenOptions extends BelieveOptions {
  readonly lookups: LookupStore;
  readonly objects: EvidenceObjects;
}

/** A Release as evidence claims it, and the indexes that it is said to name. */
export type ClaimedRelease = Evidence['releases'][number];

/** A Release that was believed, and the indexes of it that were read. */
export type VouchingRelease = Readonly<{
  /** Where the getter says that it read it: nothing vouches for that. */
  readFrom: string;
  /** The suite that its keys were chosen by; Suite or Codename says the same. */
  suite: string;
  release: Release;
  /** An InRelease, whole, or the Release of `signature`. */
  file: SignedFile;
  signature: SignedFile | null;
  signedBy: readonly Fingerprint[];
  indexes: readonly Readonly<{ path: string; sha256: Sha256; size: number }>[];
}>;

export type SignedIndexes = Readonly<{
  releases: readonly VouchingRelease[];
  packages: readonly PackagesLookup[];
  sources: readonly SourcesLookup[];
}>;

/**
 * Verifies every Release of an evidence document and opens the indexes that it names, each by the hash that the signed
 * Release gives. Dates are not judged: what an old index said of an old version remains true.
 *
 * @throws ArchiveError for a Release that is of another distribution or suite, or not signed by the keys of its suite, or
 * for an index that it does not name
 */
export async function openSignedIndexes(evidence: Evidence, options: OpenOptions): Promise<SignedIndexes> {
  const releases = await believeReleases(evidence.releases, options);
  const indexes = releases.flatMap((release) => release.indexes);
  const opened = await openAll(indexes, options);
  return {
    releases,
    packages: opened.filter((lookup) => lookup instanceof PackagesLookup),
    sources: opened.filter((lookup) => lookup instanceof SourcesLookup),
  };
}

/**
 * Verifies Releases, and that they name the indexes that are said to be of them.
 *
 * @throws ArchiveError
 */
export async function believeReleases(
  claims: readonly ClaimedRelease[],
  options: BelieveOptions,
): Promise<readonly VouchingRelease[]> {
  const releases: VouchingRelease[] = [];
  for (const claimed of claims) {
    try {
      releases.push(await vouching(claimed, options));
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      throw new ArchiveError(error.code, `${claimed.archive} ${claimed.suite}: ${error.message}`);
    }
  }
  return releases;
}

type Lookup = PackagesLookup | SourcesLookup;

/** Two at a time: while one waits for its unpacking program, the other is read. The first failure ends both. */
async function openAll(indexes: readonly IndexName[], options: OpenOptions): Promise<readonly Lookup[]> {
  const opened: Lookup[] = [];
  let failed = false;
  const left = indexes.entries();
  const openNext = async (): Promise<void> => {
    try {
      for (const [place, index] of left) {
        if (failed) return;
        opened[place] = await openIndex(index, options);
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const both = [openNext(), openNext()];
  await Promise.allSettled(both);
  await Promise.all(both);
  return opened;
}

type IndexName = Evidence['releases'][number]['indexes'][number];

async function openIndex(index: IndexName, { lookups, objects }: OpenOptions): Promise<Lookup> {
  const file = () => objects.file(index.sha256);
  return kindOf(index) === 'Packages'
    ? await lookups.packages(index, file)
    : await lookups.sources(index, file);
}

function kindOf({ path }: IndexName): string | undefined {
  return /(?:^|\/)(Packages|Sources)(?:\.[a-z0-9]+)?$/.exec(path)?.[1];
}

/** The Release that is claimed, if it is to be believed and names what is claimed to be of it. */
async function vouching(claimed: ClaimedRelease, options: BelieveOptions): Promise<VouchingRelease> {
  const { archive: readFrom, suite, indexes } = claimed;
  const { file, signature, signed } = await believed(claimed, options);
  const { release, signedBy } = signed;
  for (const index of indexes) {
    const named = release.files.get(index.path);
    if (named?.sha256 !== index.sha256 || named.size !== index.size) {
      throw new ArchiveError('hash-mismatch', `its Release does not name ${index.path} of that hash`);
    }
    if (kindOf(index) === undefined) {
      throw new ArchiveError('malformed', `${index.path} is no index of packages or sources`);
    }
  }
  return { readFrom, suite, release, file, signature, signedBy, indexes };
}

/** A Release signed by the keys of the suite that it says it is, which is one of the distribution. */
async function believed(claimed: ClaimedRelease, options: BelieveOptions): Promise<VerifiedRelease> {
  const { suite } = claimed;
  if (!isOfDistribution(suite, options.distribution)) {
    throw new ArchiveError('malformed', `is no suite of ${options.distribution}`);
  }
  const { objects, releases, signal } = options;
  const parts = { keyrings: options.keyringsOf(suite), objects, ...(signal === undefined ? {} : { signal }) };
  const verified = await (releases?.verify(claimed, parts) ?? verifyRelease(claimed, parts));
  checkReleaseName(verified.signed.release, suite);
  return verified;
}
