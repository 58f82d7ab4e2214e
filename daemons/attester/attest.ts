import type { LookupStore } from '../lib/archive/lookup-store.ts';
import type { Attestation } from '../lib/contracts/documents/attestation.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import { DistError } from '../lib/domain/dist.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import { sha256Of } from '../lib/objects/sha256.ts';
import { bufferObject, type OutgoingObject } from '../lib/wire/frame.ts';
import type { Done, JobContext } from '../lib/worker/worker.ts';
import { type BuildJob, type Examined, examine, type KnownEvidence } from './compare/examine.ts';
import { JobObjects } from './compare/job-objects.ts';
import type { DistSettings } from './settings.ts';
import { type Publication, publishBuild } from './sign/publish.ts';

export interface AttesterParts {
  readonly clock: Clock;
  readonly lookups: LookupStore;
  readonly known: KnownEvidence;
  /** A folder for files that live as long as a job. */
  readonly scratch: string;
  readonly settingsOf: (dist: string) => DistSettings;
}

/** Does one job of queue `attest`: examines a build, decides, has its links signed. */
export async function attest(context: JobContext<'attest'>, parts: AttesterParts): Promise<Done<'attest'>> {
  const { payload } = context.job;
  if (payload.kind !== 'build') {
    throw new JobFailure('signing', 'manifests are not composed yet');
  }
  const objects = new JobObjects(context, parts.scratch);
  try {
    return await attestBuild(context, parts, payload, objects);
  } finally {
    await objects.remove();
  }
}

async function attestBuild(
  context: JobContext<'attest'>,
  parts: AttesterParts,
  job: BuildJob,
  objects: JobObjects,
): Promise<Done<'attest'>> {
  const { signal, log } = context;
  const settings = settingsFor(parts, job.build.dist);
  const progress = context.progress.bind(context);
  const examined = await examine({ job, objects, settings, ...parts, signal, progress });
  const { judgement } = examined;
  const publication = await publishBuild({
    job,
    examined,
    settings,
    read: (sha256, max) => objects.read(sha256, max),
    now: parts.clock.now(),
    signal,
    log,
    jobId: context.job.id,
    progress,
  });
  log.notice(judgement.verdict, { code: judgement.code ?? undefined, say: judgement.say });
  return doneWith(examined, publication);
}

function settingsFor(parts: AttesterParts, dist: string): DistSettings {
  try {
    return parts.settingsOf(dist);
  } catch (error) {
    if (error instanceof DistError) throw new JobFailure('protocol', error.message, { cause: error });
    throw error;
  }
}

function doneWith(examined: Examined, publication: Publication): Done<'attest'> {
  const { judgement, environment, selfHosted } = examined;
  const objects = new Map<Sha256, OutgoingObject>();
  const keep = (content: Buffer, isKept = false): Sha256 => {
    const sha256 = sha256Of(content);
    if (!isKept) objects.set(sha256, bufferObject(content));
    return sha256;
  };
  const attestation: Attestation = {
    v: 1,
    verdict: judgement.verdict,
    code: judgement.code,
    say: judgement.say,
    environment,
    selfHosted,
    files: [...judgement.files],
    publish: publication.files.map(({ path, content, signedBy, isKept }) => ({
      path,
      sha256: keep(content, isKept),
      size: content.length,
      ...(signedBy === undefined ? {} : { signedBy }),
    })),
    signedBy: [...publication.signedBy],
  };
  const document = keep(Buffer.from(JSON.stringify(attestation), 'utf8'));
  return { outcome: { status: 'done', attestation: document }, objects: [...objects.values()] };
}
