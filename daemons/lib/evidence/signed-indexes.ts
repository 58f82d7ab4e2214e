import { ArchiveError } from '../archive/errors.ts';
import { type SignedRelease, verifyDetached, verifyInRelease } from '../archive/inrelease.ts';
import type { Keyring } from '../archive/keyring.ts';
import type { PackagesLookup, SourcesLookup } from '../archive/lookup.ts';
import type { LookupStore } from '../archive/lookup-store.ts';
import { checkReleaseName, maxReleaseBytes, type Release } from '../archive/release.ts';
import type { Evidence } from '../contracts/documents/feed.ts';
import { isOfDistribution } from '../domain/distribution.ts';
import type { Fingerprint, Sha256 } from '../domain/names.ts';

/** Where the objects of an evidence document are. */
export interface EvidenceObjects {
  /** A small object, its hash checked. */
  read(sha256: Sha256, max: number): Promise<Buffer>;
  /** A file that holds the object, asked for only when its tables are not kept yet. */
  file(sha256: Sha256): Promise<string>;
}

export interface OpenOptions {
  /** As in the dist: every Release has to be of it. */
  readonly distribution: string;
  /** The verifier's own keys for a suite, never any that came with the evidence. */
  keyringsOf(suite: string): readonly Keyring[];
  readonly lookups: LookupStore;
  readonly objects: EvidenceObjects;
  readonly signal?: AbortSignal;
}

/** A Release that was believed, and the indexes of it that were read. */
export type VouchingRelease = Readonly<{
  /** Where the getter says that it read it: nothing vouches for that. */
  readFrom: string;
  /** The suite that its keys were chosen by; Suite or Codename says the same. */
  suite: string;
  /** As the Release has them, empty where it has none. */
  names: Readonly<{ origin: string; label: string; suite: string; codename: string }>;
  sha256: Sha256;
  /** Wall time in milliseconds that the Release says it was made at. */
  date: number | undefined;
  signedBy: readonly Fingerprint[];
  indexes: readonly Readonly<{ path: string; sha256: Sha256; size: number }>[];
}>;

export type SignedIndexes = Readonly<{
  releases: readonly VouchingRelease[];
  packages: readonly PackagesLookup[];
  sources: readonly SourcesLookup[];
}>;

const maxSignatureBytes = 1_048_576;

/**
 * Verifies every Release of an evidence document and opens the indexes that it names, each by the hash that the signed
 * Release gives. Dates are not judged: what an old index said of an old version remains true.
 *
 * @throws ArchiveError for a Release that is of another distribution or suite, or not signed by the keys of its suite, or
 * for an index that it does not name
 */
export async function openSignedIndexes(evidence: Evidence, options: OpenOptions): Promise<SignedIndexes> {
  const releases: VouchingRelease[] = [];
  const packages: PackagesLookup[] = [];
  const sources: SourcesLookup[] = [];
  for (const claimed of evidence.releases) {
    const where = `${claimed.archive} ${claimed.suite}`;
    const { release, signedBy } = await believed(claimed, options).catch((error: unknown) => {
      throw error instanceof ArchiveError
        ? new ArchiveError(error.code, `${where}: ${error.message}`)
        : error;
    });
    for (const index of claimed.indexes) {
      const named = release.files.get(index.path);
      if (named?.sha256 !== index.sha256 || named.size !== index.size) {
        throw new ArchiveError(
          'hash-mismatch',
          `${where}: its Release does not name ${index.path} of that hash`,
        );
      }
      const file = () => options.objects.file(index.sha256);
      const kind = /(?:^|\/)(Packages|Sources)(?:\.[a-z0-9]+)?$/.exec(index.path)?.[1];
      if (kind === 'Packages') packages.push(await options.lookups.packages(index, file));
      else if (kind === 'Sources') sources.push(await options.lookups.sources(index, file));
      else throw new ArchiveError('malformed', `${where}: ${index.path} is no index of packages or sources`);
    }
    const { archive: readFrom, suite, indexes } = claimed;
    const names = namesOf(release);
    releases.push({ readFrom, suite, names, sha256: claimed.release, date: release.date, signedBy, indexes });
  }
  return { releases, packages, sources };
}

function namesOf({ origin, label, suite, codename }: Release): VouchingRelease['names'] {
  return { origin, label, suite, codename };
}

/** A Release signed by the keys of the suite that it says it is, which is one of the distribution. */
async function believed(claimed: Evidence['releases'][number], options: OpenOptions): Promise<SignedRelease> {
  const { suite } = claimed;
  if (!isOfDistribution(suite, options.distribution)) {
    throw new ArchiveError('malformed', `is no suite of ${options.distribution}`);
  }
  const signed = await verified(claimed, options);
  checkReleaseName(signed.release, suite);
  return signed;
}

async function verified(claimed: Evidence['releases'][number], options: OpenOptions): Promise<SignedRelease> {
  const { objects, signal } = options;
  const keyrings = options.keyringsOf(claimed.suite);
  const release = await objects.read(claimed.release, maxReleaseBytes);
  const more = signal === undefined ? {} : { signal };
  if (claimed.signature === null) return await verifyInRelease(release, keyrings, more);
  return await verifyDetached(
    release,
    await objects.read(claimed.signature, maxSignatureBytes),
    keyrings,
    more,
  );
}
