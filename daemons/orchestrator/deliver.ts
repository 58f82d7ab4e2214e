import type { FeedBuild } from '../lib/contracts/documents/feed.ts';
import type { AttestPayload, GetPayload } from '../lib/contracts/job.ts';
import type { Outcome, Outcomes } from '../lib/contracts/return.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import type { ObjectStore } from '../lib/objects/store.ts';
import { ReplyError } from '../lib/wire/serve.ts';
import type { Delivered } from './delivered.ts';
import {
  objectsOfEvidence,
  readAttestation,
  readBuilds,
  readEvidence,
  readPublication,
  readRecipe,
  readReport,
} from './documents.ts';
import { feedOf } from './jobs.ts';
import {
  type History,
  type JobRecord,
  type Origin,
  type PublicationFile,
  shownRoles,
} from './ledger/port.ts';
import { maxInlineBuilds } from './pipeline.ts';
import type { Stock } from './stock.ts';

/** Reads an outcome's documents and checks that all they refer to is here. Every error is a ReplyError or ContractError. */

export interface DeliverOptions {
  readonly objects: ObjectStore;
  readonly history: History;
  readonly stock: Stock;
}

/** Documents of evidence that one feed may name. */
const maxEvidence = 200;
/** Debian's sid has some 70,000 builds of one architecture. */
const maxBuildsOfDist = 200_000;
const maxPages = 200_000;
const fetched: readonly Origin[] = ['get'];
const handed: readonly Origin[] = ['get', 'trigger'];
/** What is signed and what it rests on: indexes and buildinfos come from the job. */
const published: readonly Origin[] = ['attest', ...handed];

type Done = Extract<Outcome, { status: 'done' }>;
type GetDone = Extract<Outcomes['get'], { status: 'done' }>;
type FeedDone = Extract<GetDone, { kind: 'feed' }>;
type InputsDone = Extract<GetDone, { kind: 'inputs' }>;

export async function deliver(job: JobRecord, outcome: Outcome, options: DeliverOptions): Promise<Delivered> {
  switch (outcome.status) {
    case 'handed-back':
      return { is: 'handed-back', say: outcome.say };
    case 'failed':
      if (outcome.log !== null) await options.stock.demand(outcome.log, [job.queue], 'log');
      return { is: 'failed', outcome };
    case 'done':
      return await deliverDone(job, outcome, options);
  }
}

async function deliverDone(job: JobRecord, outcome: Done, options: DeliverOptions): Promise<Delivered> {
  if ('kind' in outcome) {
    if (outcome.kind !== job.payload.kind) {
      throw new ReplyError(
        'protocol',
        `the outcome is of kind ${outcome.kind}, the job of kind ${job.payload.kind}`,
      );
    }
    if (outcome.kind === 'feed') return await feed(job, outcome, options);
    if (outcome.kind === 'inputs') return await inputs(job, outcome, options);
    for (const file of outcome.files) await options.stock.demandSized(file, fetched, file.name);
    return { is: 'other' };
  }
  if ('report' in outcome) return await rebuild(outcome.report, options);
  if ('attestation' in outcome) return await attest(job, outcome.attestation, options);
  if ('pages' in outcome) return await pages(outcome.pages, options);
  if ('sent' in outcome) return { is: 'upload', sent: outcome.sent, say: outcome.say };
  if (outcome.text !== null) await options.stock.demand(outcome.text, [job.queue], 'diff');
  return { is: 'other' };
}

/** A feed's list may be long: it is read as a stream, and kept in memory only while it is short. */
async function feed(
  job: JobRecord,
  outcome: FeedDone,
  { objects, stock }: DeliverOptions,
): Promise<Delivered> {
  const short: FeedBuild[] = [];
  const evidence = new Map<Sha256, readonly Sha256[]>();
  const maxBuilds = maxBuildsOfDist * (feedOf(job)?.dists.length ?? 0);
  let count = 0;
  if (outcome.builds !== null) {
    await stock.demand(outcome.builds, fetched, 'builds');
    for await (const listed of readBuilds(objects, outcome.builds)) {
      count += 1;
      if (count > maxBuilds) throw new ReplyError('too-large', `more than ${maxBuilds} builds`);
      checkListed(job, listed);
      await demandEnvironment(listed, stock);
      const document = listed.build.evidence;
      if (!evidence.has(document)) {
        if (evidence.size >= maxEvidence)
          throw new ReplyError('too-large', `more than ${maxEvidence} evidences`);
        evidence.set(document, await evidenceOf(document, objects, stock));
      }
      if (count <= maxInlineBuilds) short.push(listed);
    }
  }
  if (count !== outcome.count) {
    throw new ReplyError('protocol', `${outcome.count} builds announced, ${count} listed`);
  }
  const builds =
    outcome.builds === null || count <= maxInlineBuilds ? short : { list: outcome.builds, count };
  return { is: 'feed', builds, resume: outcome.resume, say: outcome.say, evidence };
}

function checkListed(job: JobRecord, { build }: FeedBuild): void {
  const payload = feedOf(job);
  if (!payload?.dists.includes(build.dist)) {
    throw new ReplyError('protocol', `a build of dist ${build.dist}, which the job is not about`);
  }
  if (payload.only !== null && payload.only.source !== build.source) {
    throw new ReplyError('protocol', `a build of ${build.source}, which the job is not about`);
  }
}

async function demandEnvironment({ build }: FeedBuild, stock: Stock): Promise<void> {
  if (build.environment.kind !== 'buildinfo') return;
  for (const buildinfo of build.environment.objects) await stock.demand(buildinfo, handed, 'buildinfo');
}

async function evidenceOf(document: Sha256, objects: ObjectStore, stock: Stock): Promise<readonly Sha256[]> {
  await stock.demand(document, fetched, 'evidence');
  const parts = objectsOfEvidence(await readEvidence(objects, document));
  for (const part of parts) await stock.demand(part, fetched, 'evidence');
  return parts;
}

async function inputs(
  job: JobRecord,
  outcome: InputsDone,
  { objects, stock }: DeliverOptions,
): Promise<Delivered> {
  await stock.demand(outcome.recipe, fetched, 'recipe');
  const document = await readRecipe(objects, outcome.recipe);
  if (document.kind !== 'deb') throw new ReplyError('protocol', `a recipe of kind ${document.kind}`);
  const { build } = job.payload as Extract<GetPayload, { kind: 'inputs' }>;
  const isOfBuild =
    document.source === build.source &&
    document.sourceVersion === build.sourceVersion &&
    document.version === build.version &&
    // A buildinfo of both parts describes one build of both, which may be asked for the files of one.
    build.parts.every((part) => document.parts.includes(part));
  if (!isOfBuild) throw new ReplyError('protocol', 'the recipe is of another build');
  await Promise.all(document.inputs.map((input) => stock.demandSized(input, fetched, input.name)));
  if (outcome.buildinfo !== null) await stock.demand(outcome.buildinfo, handed, 'buildinfo');
  return { is: 'inputs', recipe: outcome.recipe, document, buildinfo: outcome.buildinfo };
}

async function rebuild(report: Sha256, { objects, stock }: DeliverOptions): Promise<Delivered> {
  await stock.demand(report, ['rebuild'], 'report');
  const document = await readReport(objects, report);
  await stock.demand(document.log, ['rebuild'], 'log');
  for (const file of document.files) {
    await stock.demandSized(file, ['rebuild'], file.name);
    if (file.sha256 === document.log)
      throw new ReplyError('protocol', `${file.name} is given as the log, too`);
  }
  return { is: 'rebuild', report, document };
}

async function attest(
  job: JobRecord,
  attestation: Sha256,
  { objects, stock }: DeliverOptions,
): Promise<Delivered> {
  const payload = job.payload as AttestPayload;
  if (payload.kind !== 'build') return { is: 'other' };
  await stock.demand(attestation, ['attest'], 'attestation');
  const document = await readAttestation(objects, attestation);
  await Promise.all(document.publish.map((file) => stock.demandSized(file, published, file.path)));
  return { is: 'attest', attestation, document };
}

/** A page may be made anew, or be an object that pages may show, such as a build's log. */
async function pages(list: Sha256, { objects, history, stock }: DeliverOptions): Promise<Delivered> {
  await stock.demand(list, ['report'], 'pages');
  const files: PublicationFile[] = [];
  for await (const file of readPublication(objects, list)) {
    if (files.length >= maxPages) throw new ReplyError('too-large', `more than ${maxPages} pages`);
    if (!(await history.isReferred(file.sha256, shownRoles)))
      await stock.demand(file.sha256, ['report'], file.path);
    if ((await objects.size(file.sha256)) !== file.size) {
      throw new ReplyError('protocol', `${file.path}: its object does not have ${file.size} bytes`);
    }
    files.push(file);
  }
  return { is: 'report', files };
}
