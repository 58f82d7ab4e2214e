import type { Recipe } from '../lib/contracts/documents/recipe.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import type { ObjectStore } from '../lib/objects/store.ts';
import { objectsOfEvidence, readEvidence, readPublication, readRecipe, readReport } from './documents.ts';
import type { JobRecord } from './ledger/port.ts';

type Payload = JobRecord['payload'];

/** Every object that a job's payload refers to, directly or through its documents: what its worker may fetch. */
export async function* reachOf(
  payload: Payload,
  objects: ObjectStore,
): AsyncGenerator<Sha256, void, undefined> {
  yield* directReachOf(payload, objects);
  const document = evidenceOf(payload);
  if (document !== null) yield* reachOfEvidence(document, objects);
}

/** The document of evidence that a payload names: many builds share one, and it refers to much. */
export function evidenceOf(payload: Payload): Sha256 | null {
  return 'build' in payload ? payload.build.evidence : null;
}

export async function* reachOfEvidence(
  document: Sha256,
  objects: ObjectStore,
): AsyncGenerator<Sha256, void, undefined> {
  yield document;
  yield* objectsOfEvidence(await readEvidence(objects, document));
}

/** What rebuilderd's attestations name for want of a buildinfo. */
function dscOf(recipe: Recipe): readonly Sha256[] {
  if (recipe.kind !== 'deb') return [];
  return recipe.inputs.filter(({ name }) => name === recipe.dsc).map(({ sha256 }) => sha256);
}

/** All but the evidence. */
export async function* directReachOf(
  payload: Payload,
  objects: ObjectStore,
): AsyncGenerator<Sha256, void, undefined> {
  switch (payload.kind) {
    case 'feed':
      yield* payload.only?.buildinfos ?? [];
      return;
    case 'inputs':
    case 'official':
      if (payload.build.environment.kind === 'buildinfo') yield* payload.build.environment.objects;
      return;
    case 'deb':
    case 'rpm':
      yield payload.recipe;
      for (const input of (await readRecipe(objects, payload.recipe)).inputs) yield input.sha256;
      return;
    case 'build':
      yield payload.recipe;
      yield* dscOf(await readRecipe(objects, payload.recipe));
      yield payload.report;
      for (const file of (await readReport(objects, payload.report)).files) yield file.sha256;
      if (payload.buildinfo !== null) yield payload.buildinfo;
      if (payload.build.environment.kind === 'buildinfo') yield* payload.build.environment.objects;
      for (const link of payload.earlier) yield link.sha256;
      return;
    case 'publication':
    case 'manifest':
      if (payload.publication === null) return;
      yield payload.publication;
      for await (const file of readPublication(objects, payload.publication)) yield file.sha256;
      return;
    case 'diff':
      yield payload.report;
      yield payload.official;
      return;
    case 'results':
      return;
  }
}
