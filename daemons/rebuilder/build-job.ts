import {
  type BuilderReport,
  type BuildReport,
  maxReportBytes,
} from '../lib/contracts/documents/builder-report.ts';
import { type DebRecipe, maxRecipeBytes, parseRecipe } from '../lib/contracts/documents/recipe.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import type { Turns } from '../lib/daemon/turns.ts';
import { parseSha256, type Sha256 } from '../lib/domain/names.ts';
import { CallError, type Caller, type CallReply } from '../lib/wire/call.ts';
import { bufferObject, type IncomingObject, WireError } from '../lib/wire/frame.ts';
import type { Done, JobContext } from '../lib/worker/worker.ts';
import { Arrivals } from './arrivals.ts';
import { baseKeyOf, baseRecipeOf, onKeptBase } from './bases/base-recipe.ts';
import type { BaseMaker } from './bases/maker.ts';
import type { Shelf } from './bases/shelf.ts';
import { handOver, readReport } from './disposable.ts';
import type { Kept } from './kept.ts';
import type { Settings } from './settings.ts';

export interface BuildJobParts {
  readonly caller: Caller;
  readonly settings: Settings;
  readonly inputs: Kept;
  /** Apart from the inputs: nothing that a build made is ever an input of another. */
  readonly outputs: Kept;
  readonly bases: Shelf;
  /** Absent where none are to be made. */
  readonly baseMaker: BaseMaker | undefined;
  readonly turns: Turns;
  readonly version: string;
}

/** What came back from a disposable, by the hashes that were taken here. */
type Returned = Readonly<{ report: BuildReport; objects: readonly Sha256[] }>;

/**
 * Job `rebuild`: brings what the build needs, hands it to a fresh disposable, takes back log, report and files. Whether
 * the files are the right ones is not known here.
 *
 * @throws JobFailure `sandbox` when the disposable is refused or lost, `protocol` when it answers otherwise than agreed
 */
export async function buildJob(
  context: JobContext<'rebuild'>,
  parts: BuildJobParts,
): Promise<Done<'rebuild'>> {
  const asked = await fetchRecipe(context);
  const recipe = await settleBase(asked, parts);
  context.log.info('building', { package: recipe.source, version: recipe.version });
  const needed = recipe.inputs.filter(({ role }) => role !== 'base');
  const arrivals = new Arrivals(parts.inputs, context, needed);
  const { report, objects } = await built(context, recipe, arrivals, parts);
  const document = Buffer.from(JSON.stringify(report));
  const stored = await parts.outputs.put(bufferObject(document).bytes(), document.length);
  return {
    outcome: { status: 'done', report: stored.sha256 },
    objects: await Promise.all(
      [...new Set([stored.sha256, ...objects])].map((sha256) => parts.outputs.object(sha256)),
    ),
    ...(recipe === asked ? { delivered: () => parts.baseMaker?.want(baseRecipeOf(asked)) } : {}),
  };
}

async function fetchRecipe(context: JobContext<'rebuild'>): Promise<DebRecipe> {
  const { payload } = context.job;
  if (payload.kind !== 'deb')
    throw new JobFailure('protocol', `no engine here rebuilds ${payload.kind} packages`);
  let text = '';
  await context.fetch([payload.recipe], async (_, object) => {
    text = (await object.buffer(maxRecipeBytes)).toString('utf8');
  });
  const recipe = parseRecipe(JSON.parse(text));
  if (recipe.kind !== 'deb') throw new JobFailure('protocol', 'the recipe is not one of a Debian package');
  return recipe;
}

/** On the kept base if there is one that may serve it. */
async function settleBase(recipe: DebRecipe, { bases, version }: BuildJobParts): Promise<DebRecipe> {
  const base = await bases.find(baseKeyOf(baseRecipeOf(recipe), version));
  return base === undefined ? recipe : onKeptBase(recipe, base);
}

async function built(
  context: JobContext<'rebuild'>,
  recipe: DebRecipe,
  arrivals: Arrivals,
  parts: BuildJobParts,
): Promise<Returned> {
  try {
    return await parts.turns.take(() => inDisposable(context, recipe, arrivals, parts));
  } catch (error) {
    context.signal.throwIfAborted();
    // What could not be brought is not the disposable's failure; what can be is kept for the next try.
    await arrivals.all;
    throw asJobFailure(error);
  }
}

/** The disposable starts while the inputs still come. */
async function inDisposable(
  context: JobContext<'rebuild'>,
  recipe: DebRecipe,
  arrivals: Arrivals,
  parts: BuildJobParts,
): Promise<Returned> {
  const { caller, settings, bases } = parts;
  const answer = await handOver(recipe, {
    caller,
    limits: settings.limits,
    objectOf: async (input) => (input.role === 'base' ? bases.object(input.sha256) : arrivals.object(input)),
    signal: context.signal,
  });
  context.progress('building', undefined, undefined, `${recipe.source} ${recipe.version}`);
  const returned = await receive(context, recipe, answer, parts);
  await answer.done();
  await arrivals.all;
  return returned;
}

/** Objects in the agreed order: the log as it is written, the builder's report, then each wanted file. */
async function receive(
  context: JobContext<'rebuild'>,
  recipe: DebRecipe,
  answer: CallReply<{ objects?: number | undefined }>,
  { settings, outputs, version }: BuildJobParts,
): Promise<Returned> {
  const expected = 2 + recipe.expect.length;
  if (answer.reply.objects !== expected) {
    throw new JobFailure(
      'protocol',
      `the builder returns ${answer.reply.objects ?? 0} objects, expected ${expected}`,
    );
  }
  const files: { name: (typeof recipe.expect)[number]; sha256: Sha256; size: number }[] = [];
  let log: Sha256 | undefined;
  let builder: BuilderReport | undefined;
  let room = settings.limits.outputBytes;
  for await (const object of answer.objects) {
    if (object.index === 0) log = await keepLog(context, object, settings.limits.logBytes, outputs);
    else if (object.index === 1) builder = readReport(await object.buffer(maxReportBytes));
    else {
      const name = recipe.expect[object.index - 2];
      const file = await outputs.put(object.bytes, room);
      await object.sha256;
      room -= file.size;
      if (name !== undefined && file.size > 0) files.push({ name, ...file });
    }
  }
  if (log === undefined || builder === undefined)
    throw new JobFailure('protocol', 'the builder left out its report');
  const inputBytes = recipe.inputs.reduce((sum, { size }) => sum + size, 0);
  return {
    report: { v: 1, builder, log, files, rebuilder: { version, inputBytes } },
    objects: [log, ...files.map(({ sha256 }) => sha256)],
  };
}

/** A line about the cap may stand behind a log that reached it. */
const logSlack = 4_096;

async function keepLog(
  context: JobContext<'rebuild'>,
  object: IncomingObject,
  maxBytes: number,
  outputs: Kept,
): Promise<Sha256> {
  const shown = async function* () {
    for await (const chunk of object.bytes) {
      context.appendLog(chunk);
      yield chunk;
    }
  };
  const { sha256 } = await outputs.put(shown(), maxBytes + logSlack);
  await object.sha256;
  return parseSha256(sha256);
}

function asJobFailure(error: unknown): unknown {
  if (error instanceof JobFailure) return error;
  if (error instanceof CallError) {
    const code =
      error.code === 'protocol' ? 'protocol' : error.code === 'disk-full' ? 'too-large' : 'sandbox';
    return new JobFailure(code, `the disposable: ${error.message}`, { cause: error });
  }
  if (error instanceof WireError) {
    const code = error.code === 'lost' ? 'sandbox' : 'protocol';
    return new JobFailure(code, `the disposable: ${error.message}`, { cause: error });
  }
  if (error instanceof Error && 'code' in error && error.code === 'too-large') {
    return new JobFailure('too-large', `the builder returns more than allowed: ${error.message}`, {
      cause: error,
    });
  }
  return error;
}
