import { withoutSignature } from '../../lib/archive/buildinfo-file.ts';
import { ArchiveError } from '../../lib/archive/errors.ts';
import { type SignedRelease, verifyDetached, verifyInRelease } from '../../lib/archive/inrelease.ts';
import type { Keyring } from '../../lib/archive/keyring.ts';
import {
  checkDates,
  checkReleaseName,
  findIndex,
  maxReleaseBytes,
  parseRelease,
  type Release,
  type ReleaseFile,
} from '../../lib/archive/release.ts';
import { maxIndexBytes } from '../../lib/archive/scan.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import type { Downloads } from '../../lib/net/download.ts';
import { NetError, withoutCredentials } from '../../lib/net/errors.ts';
import type { Kept } from '../kept.ts';
import type { AptSource } from './apt-sources.ts';
import type { SeenReleases } from './seen-releases.ts';

/** How an archive's signature and dates are judged. */
export type Trust = Readonly<{
  keyrings: readonly Keyring[];
  fingerprints: readonly string[] | null;
  checkValidUntil: boolean;
  checkDate: boolean;
}>;

/** A suite whose signature holds, and its indexes, all kept. */
export type ReadSuite = Readonly<{
  source: AptSource;
  release: Release;
  /** The InRelease; or the Release, and its signature apart. */
  releaseObject: Sha256;
  signatureObject: Sha256 | null;
  indexes: readonly ReleaseFile[];
}>;

export interface SuiteReaderParts {
  readonly clock: Clock;
  readonly downloads: Downloads;
  readonly kept: Kept;
  readonly seen: SeenReleases;
  trustOf(source: AptSource): Trust;
}

const maxSignatureBytes = 1_048_576;

export class SuiteReader {
  readonly #parts: SuiteReaderParts;

  constructor(parts: SuiteReaderParts) {
    this.#parts = parts;
  }

  /**
   * Reads a suite: InRelease verified, its dates checked, then the Packages and Sources indexes by the hashes that it
   * names. Nothing older than what was seen before is taken.
   *
   * @throws ArchiveError, NetError
   */
  async read(source: AptSource, architecture: string, signal: AbortSignal): Promise<ReadSuite> {
    const where = `${withoutCredentials(source.uri)} ${source.suite}`;
    try {
      return await this.#read(source, architecture, signal);
    } catch (error) {
      if (!(error instanceof ArchiveError) || error.message.startsWith(where)) throw error;
      throw new ArchiveError(error.code, `${where}: ${error.message}`, { cause: error });
    }
  }

  async #read(source: AptSource, architecture: string, signal: AbortSignal): Promise<ReadSuite> {
    const { clock, seen, kept, trustOf } = this.#parts;
    const { release, files } = await this.#release(source, signal);
    checkReleaseName(release, source.suite);
    const { checkDate, checkValidUntil } = trustOf(source);
    checkDates(release, clock.now(), { date: checkDate, validUntil: checkValidUntil });
    await seen.check(withoutCredentials(source.uri), source.suite, release);
    const indexes = indexesOf(release, source.components, architecture);
    if (!indexes.some((index) => /\/Packages/.test(index.path))) {
      throw new ArchiveError(
        'not-found',
        `lists no packages of ${architecture} in ${source.components.join(', ')}`,
      );
    }
    await Promise.all(indexes.map((index) => this.#bringIndex(source, release, index, signal)));
    const [releaseObject, signatureObject = null] = await Promise.all(files.map((bytes) => kept.put(bytes)));
    if (releaseObject === undefined) throw new ArchiveError('unsigned', 'has no Release');
    return { source, release, releaseObject, signatureObject, indexes };
  }

  /** InRelease, or what came before it: Release and Release.gpg. */
  async #release(
    source: AptSource,
    signal: AbortSignal,
  ): Promise<{ release: Release; files: readonly Buffer[] }> {
    const inRelease = await this.#readIfThere(source, 'InRelease', maxReleaseBytes, signal);
    if (inRelease !== undefined) {
      const { release } = await this.#trusted(source, inRelease, (trust, options) =>
        verifyInRelease(inRelease, trust.keyrings, options),
      );
      return { release, files: [inRelease] };
    }
    const bare = await this.#readIfThere(source, 'Release', maxReleaseBytes, signal);
    if (bare === undefined)
      throw new ArchiveError('not-found', 'is not there: it has neither InRelease nor Release');
    const signature = await this.#readIfThere(source, 'Release.gpg', maxSignatureBytes, signal);
    const { release } = await this.#trusted(source, bare, async (trust, options) => {
      if (signature === undefined) throw new ArchiveError('unsigned', 'its Release is not signed');
      return await verifyDetached(bare, signature, trust.keyrings, options);
    });
    return { release, files: signature === undefined ? [bare] : [bare, signature] };
  }

  /** What holds by its signature, or, where the operator wrote `trusted=yes`, as it is. */
  async #trusted(
    source: AptSource,
    bytes: Buffer,
    verify: (trust: Trust, options: { fingerprints?: readonly string[] }) => Promise<SignedRelease>,
  ): Promise<{ release: Release }> {
    const trust = this.#parts.trustOf(source);
    try {
      return await verify(trust, trust.fingerprints === null ? {} : { fingerprints: trust.fingerprints });
    } catch (error) {
      if (!source.trusted || !(error instanceof ArchiveError)) throw error;
      return { release: parseRelease(withoutSignature(bytes.toString('utf8'))) };
    }
  }

  async #bringIndex(
    source: AptSource,
    release: Release,
    index: ReleaseFile,
    signal: AbortSignal,
  ): Promise<void> {
    const { sha256, size, path } = index;
    if (size > maxIndexBytes) throw new ArchiveError('too-large', `${path} has ${size} bytes`);
    const folder = `${source.uri}/dists/${source.suite}`;
    const named = { uri: `${folder}/${path}`, sha256, size };
    const byHash = { ...named, uri: `${folder}/${path.replace(/[^/]+$/, '')}by-hash/SHA256/${sha256}` };
    if (!release.acquireByHash || !source.byHash) return await this.#bringNamed(path, named, signal);
    try {
      await this.#bringNamed(path, byHash, signal);
    } catch (error) {
      if (!(error instanceof NetError) || error.code !== 'not-found') throw error;
      await this.#bringNamed(path, named, signal);
    }
  }

  async #bringNamed(
    path: string,
    wanted: { uri: string; sha256: Sha256; size: number },
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#parts.kept.bring(wanted, signal);
    } catch (error) {
      if (!(error instanceof NetError) || error.code !== 'mismatch') throw error;
      throw new ArchiveError('hash-mismatch', `${path} does not match its Release: ${error.message}`, {
        cause: error,
      });
    }
  }

  async #readIfThere(
    source: AptSource,
    name: string,
    max: number,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    try {
      return await this.#parts.downloads.read(`${source.uri}/dists/${source.suite}/${name}`, { max, signal });
    } catch (error) {
      if (error instanceof NetError && error.code === 'not-found') return undefined;
      throw error;
    }
  }
}

/** Packages of the architecture (and of `all`, where they stand apart), and Sources, of each component. */
function indexesOf(
  release: Release,
  components: readonly string[],
  architecture: string,
): readonly ReleaseFile[] {
  const architectures = release.separateAll ? [architecture, 'all'] : [architecture];
  return components
    .flatMap((component) => [
      ...architectures.map((name) => `${component}/binary-${name}/Packages`),
      `${component}/source/Sources`,
    ])
    .map((path) => findIndex(release, path))
    .filter((index) => index !== undefined);
}
