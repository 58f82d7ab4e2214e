import { createHash } from 'node:crypto';
import { ArchiveError } from '../../archive/errors.ts';
import type { IndexName } from '../../archive/lookup-store.ts';
import type { BuildEvidence } from '../../contracts/documents/build-evidence.ts';
import type { Sha256 } from '../../domain/names.ts';
import { releaseName } from '../../domain/published.ts';
import { believeReleases, type EvidenceObjects, type VouchingRelease } from '../signed-indexes.ts';
import { EvidenceError } from './errors.ts';
import type { EvidenceOptions } from './subject.ts';

/**
 * The published Releases of a build's evidence, each signed by the verifier's own keys for its suite and naming the
 * indexes that the evidence names.
 *
 * @throws EvidenceError `release-missing`, `release-replaced`, `release-untrusted`
 */
export async function believeReleasesOf(
  evidence: BuildEvidence,
  { read, keyringsOf }: EvidenceOptions,
): Promise<readonly VouchingRelease[]> {
  const names = new Map<Sha256, string>();
  for (const { sha256, signature } of evidence.releases) {
    names.set(sha256, releaseName(sha256, signature === null ? 'InRelease' : 'Release'));
    if (signature !== null) names.set(signature, releaseName(sha256, 'Release.gpg'));
  }
  const objects: Pick<EvidenceObjects, 'read'> = {
    async read(sha256, max) {
      const path = names.get(sha256) ?? '';
      const content = await read(path, max);
      if (content === undefined) throw new EvidenceError('release-missing', `no Release at ${path}`);
      if (createHash('sha256').update(content).digest('hex') === sha256) return content;
      throw new EvidenceError('release-replaced', `${path} is not of that sha256`);
    },
  };
  const claims = evidence.releases.map(({ readFrom, suite, sha256, signature, indexes }) => ({
    archive: readFrom,
    suite,
    release: sha256,
    signature,
    indexes,
  }));
  try {
    return await believeReleases(claims, { distribution: distributionOf(evidence), keyringsOf, objects });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new EvidenceError('release-untrusted', error.message, { cause: error });
  }
}

/** What stands in front of a dist's sets and architecture. */
function distributionOf({ build: { dist } }: BuildEvidence): string {
  return dist.replace(/(?:\+.*)?\.[^.]*$/, '');
}

/**
 * The signed index that names the file, of those that the verifier has.
 *
 * @throws EvidenceError `index-lacks-file` when indexes that could name it are at hand and none does
 */
export async function findInIndexes(
  releases: readonly VouchingRelease[],
  { subject, findIndex, lookups }: EvidenceOptions,
): Promise<IndexName | undefined> {
  const looked: IndexName[] = [];
  let missing = false;
  for (const release of releases) {
    for (const index of release.indexes.filter(({ path }) =>
      /(?:^|\/)Packages(?:\.[a-z0-9]+)?$/.test(path),
    )) {
      const found = await findIndex(formsOf(index, release));
      if (found === undefined) {
        missing = true;
        continue;
      }
      const { form, file } = found;
      const entries = (await lookups.packages(form, async () => file)).binaries(
        subject.package,
        subject.version,
        subject.architecture,
      );
      if (entries.some(({ sha256 }) => sha256 === subject.sha256)) return form;
      looked.push(form);
    }
  }
  if (missing || looked.length === 0) return undefined;
  throw new EvidenceError(
    'index-lacks-file',
    `no signed index names ${subject.package} ${subject.version} of sha256 ${subject.sha256}: ${looked.map(({ path }) => path).join(', ')}`,
  );
}

/** The index as the Release names it: packed one way or another, or not at all, as apt keeps it. */
function formsOf({ path }: IndexName, { release }: VouchingRelease): readonly IndexName[] {
  const plain = path.replace(/\.(?:xz|gz|zst|bz2|lzma)$/, '');
  return ['', '.xz', '.gz', '.zst'].flatMap((suffix) => release.files.get(plain + suffix) ?? []);
}
