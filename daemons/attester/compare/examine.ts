import { maxBuildinfoBytes, readBuildinfo } from '../../lib/archive/buildinfo-file.ts';
import { ArchiveError } from '../../lib/archive/errors.ts';
import type { LookupStore } from '../../lib/archive/lookup-store.ts';
import type { BuildReport } from '../../lib/contracts/documents/builder-report.ts';
import { maxReportBytes, parseBuildReport } from '../../lib/contracts/documents/builder-report.ts';
import { type Evidence, parseEvidence } from '../../lib/contracts/documents/feed.ts';
import { type DebRecipe, maxRecipeBytes, parseRecipe } from '../../lib/contracts/documents/recipe.ts';
import type { AttestPayload } from '../../lib/contracts/job.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import { Recent } from '../../lib/daemon/recent.ts';
import { type Buildinfo, BuildinfoError } from '../../lib/domain/buildinfo.ts';
import type { PoolFileName, Sha256 } from '../../lib/domain/names.ts';
import { type ExpectedFile, expectedFiles } from '../../lib/evidence/expected.ts';
import { buildinfoMismatch, isSelfHosted, unvouchedInputs } from '../../lib/evidence/inputs.ts';
import { type Judgement, judge } from '../../lib/evidence/judge.ts';
import { KnownReleases } from '../../lib/evidence/known-releases.ts';
import { recipeMismatch } from '../../lib/evidence/recipe.ts';
import { openSignedIndexes, type SignedIndexes } from '../../lib/evidence/signed-indexes.ts';
import type { DistSettings } from '../settings.ts';
import type { JobObjects } from './job-objects.ts';

export type BuildJob = Extract<AttestPayload, { kind: 'build' }>;

/** Everything a verdict rests on. */
export type Examined = Readonly<{
  judgement: Judgement;
  environment: 'buildinfo' | 'inferred';
  /** The original buildinfo, if the environment came from one. */
  buildinfo: Buffer | null;
  selfHosted: boolean;
  recipe: DebRecipe;
  report: BuildReport;
  indexes: SignedIndexes;
  /** What came out, by the hashes taken here. */
  rebuilt: ReadonlyMap<PoolFileName, FileHashes>;
}>;

export type FileHashes = Readonly<{ sha256: Sha256; sha512: string }>;

export interface ExamineOptions {
  readonly job: BuildJob;
  readonly objects: JobObjects;
  readonly settings: DistSettings;
  readonly lookups: LookupStore;
  readonly known: KnownEvidence;
  readonly signal: AbortSignal;
  readonly progress: (stage: string, done?: number, total?: number) => void;
}

const maxEvidenceBytes = 4 * 1_048_576;
const mostEvidence = 16;

/** What builds rest on that many of them share, as it was read for the one before: by its hash, so for each the same. */
export class KnownEvidence {
  readonly evidence = new Recent<Sha256, Evidence>(mostEvidence);
  readonly releases: KnownReleases;

  constructor(clock: Clock) {
    this.releases = new KnownReleases(clock);
  }
}

/**
 * Decides on one build: what it had to make by the signed indexes, whether all that went in is vouched for, and what
 * came out by hashes taken here. The builder's opinion is not read.
 *
 * @throws JobFailure `archive-untrusted` when no signed index vouches for the build or an input, `buildinfo-mismatch`,
 * or `protocol` when the job's documents do not belong together
 */
export async function examine(options: ExamineOptions): Promise<Examined> {
  const { job, objects } = options;
  await bringDocuments(options);
  const recipe = await readRecipe(job, objects);
  const report = await objects.document(job.report, maxReportBytes, parseBuildReport);
  options.progress('indexes');
  const indexes = await readIndexes(options);
  const expected = expectedFiles(indexes.packages, job.build);
  if (expected.length === 0) {
    throw new JobFailure('archive-untrusted', 'no signed index names a file of this build');
  }
  checkInputs(recipe, indexes, expected);
  const buildinfo = job.buildinfo === null ? null : await objects.read(job.buildinfo, maxBuildinfoBytes);
  checkEnvironment(job, buildinfo, recipe, expected);
  const environment = recipe.environmentKind;
  const rebuilt = await hashFiles(options, report);
  const sha256s = new Map([...rebuilt].map(([name, { sha256 }]) => [name, sha256]));
  return {
    judgement: judge(expected, sha256s, environment),
    environment,
    buildinfo,
    selfHosted: isSelfHosted(recipe, job.build, indexes),
    recipe,
    report,
    indexes,
    rebuilt,
  };
}

/** All that is small, in one call: each is a process. */
async function bringDocuments({ job, objects, known }: ExamineOptions): Promise<void> {
  const wanted = new Map([
    [job.recipe, maxRecipeBytes],
    [job.report, maxReportBytes],
  ]);
  if (known.evidence.get(job.build.evidence) === undefined) wanted.set(job.build.evidence, maxEvidenceBytes);
  if (job.buildinfo !== null) wanted.set(job.buildinfo, maxBuildinfoBytes);
  await objects.bring(wanted, job.files);
}

async function readRecipe(job: BuildJob, objects: JobObjects): Promise<DebRecipe> {
  const recipe = await objects.document(job.recipe, maxRecipeBytes, parseRecipe);
  const { build } = job;
  if (
    recipe.kind !== 'deb' ||
    recipe.source !== build.source ||
    recipe.sourceVersion !== build.sourceVersion ||
    recipe.version !== build.version ||
    (build.parts.includes('any') && recipe.buildArchitecture !== build.architecture)
  ) {
    throw new JobFailure('protocol', 'the recipe is of another build');
  }
  return recipe;
}

async function readIndexes(options: ExamineOptions): Promise<SignedIndexes> {
  const { objects, settings, lookups, known, signal, job } = options;
  const name = job.build.evidence;
  const evidence =
    known.evidence.get(name) ?? (await objects.document(name, maxEvidenceBytes, parseEvidence));
  known.evidence.set(name, evidence);
  if (evidence.dist !== job.build.dist) {
    throw new JobFailure('protocol', `the evidence is of ${evidence.dist}, not of ${job.build.dist}`);
  }
  try {
    return await openSignedIndexes(evidence, {
      ...settings,
      lookups,
      releases: known.releases,
      objects,
      signal,
    });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new JobFailure('archive-untrusted', error.message, { cause: error });
  }
}

function checkInputs(recipe: DebRecipe, indexes: SignedIndexes, expected: readonly ExpectedFile[]): void {
  const [unvouched, ...more] = unvouchedInputs(recipe, indexes);
  if (unvouched === undefined) return;
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  throw new JobFailure(
    'archive-untrusted',
    `no signed index names the input ${unvouched.name} of sha256 ${unvouched.sha256}${others}`,
    { files: officialFiles(expected) },
  );
}

/** The environment is a true one only if the buildinfo is here, agrees with the signed index, and was followed. */
function checkEnvironment(
  job: BuildJob,
  untrusted: Buffer | null,
  recipe: DebRecipe,
  expected: readonly ExpectedFile[],
): void {
  const files = officialFiles(expected);
  const buildinfo = untrusted === null ? null : readOrFail(untrusted);
  const mismatch = buildinfo === null ? undefined : buildinfoMismatch(buildinfo, job.build, expected);
  if (mismatch !== undefined) throw new JobFailure('buildinfo-mismatch', `buildinfo: ${mismatch}`, { files });
  const wrong = recipeMismatch(recipe, job.build, buildinfo, expected);
  if (wrong !== undefined) {
    throw new JobFailure('protocol', `the recipe is not the build's: ${wrong}`, { files });
  }
}

function readOrFail(bytes: Buffer): Buildinfo {
  try {
    return readBuildinfo(bytes);
  } catch (error) {
    if (!(error instanceof BuildinfoError)) throw error;
    throw new JobFailure('buildinfo-mismatch', error.message, { cause: error });
  }
}

async function hashFiles(
  options: ExamineOptions,
  report: BuildReport,
): Promise<ReadonlyMap<PoolFileName, FileHashes>> {
  const claimed = new Map(report.files.map((file) => [file.name, file.sha256]));
  if (claimed.size !== report.files.length) {
    throw new JobFailure('protocol', 'the rebuilder returned two files of one name');
  }
  const wanted = [...new Set(claimed.values())];
  options.progress('hashing', 0, wanted.length);
  const hashed = await options.objects.hash(wanted, (done) =>
    options.progress('hashing', done, wanted.length),
  );
  return new Map(
    [...claimed].map(([name, sha256]) => {
      const sha512 = hashed.get(sha256);
      if (sha512 === undefined) throw new JobFailure('protocol', `object ${sha256} did not come`);
      return [name, { sha256, sha512 }];
    }),
  );
}

function officialFiles(expected: readonly ExpectedFile[]) {
  return expected.map(({ name, sha256, size }) => ({ name, sha256, size }));
}
