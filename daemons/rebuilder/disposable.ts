import { type BuildLimits, type BuildReply, build } from '../lib/contracts/build.ts';
import { type BuilderReport, parseBuilderReport } from '../lib/contracts/documents/builder-report.ts';
import type { Recipe, RecipeInput } from '../lib/contracts/documents/recipe.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import type { Caller, CallReply } from '../lib/wire/call.ts';
import { bufferObject, type OutgoingObject } from '../lib/wire/frame.ts';

export interface HandOverOptions {
  readonly caller: Caller;
  readonly limits: BuildLimits;
  readonly objectOf: (input: RecipeInput) => Promise<OutgoingObject>;
  readonly signal: AbortSignal;
}

/** Hands a recipe, and its inputs in their order, to a fresh disposable. @throws CallError */
export async function handOver(
  recipe: Recipe,
  { caller, limits, objectOf, signal }: HandOverOptions,
): Promise<CallReply<BuildReply>> {
  const document = bufferObject(Buffer.from(JSON.stringify(recipe)));
  const objects = [document, ...(await Promise.all(recipe.inputs.map(objectOf)))];
  return await caller.call(build, 'deb', { v: 1, limits, objects: objects.length }, { objects, signal });
}

/** What the builder says of its work. @throws JobFailure `protocol` */
export function readReport(untrusted: Buffer): BuilderReport {
  try {
    return parseBuilderReport(JSON.parse(untrusted.toString('utf8')));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JobFailure('protocol', `the builder's report cannot be read: ${why}`, { cause: error });
  }
}
