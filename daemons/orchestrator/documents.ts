import { ContractError } from '../lib/contracts/contract.ts';
import { maxAttestationBytes, parseAttestation } from '../lib/contracts/documents/attestation.ts';
import { maxReportBytes, parseBuildReport } from '../lib/contracts/documents/builder-report.ts';
import {
  type Evidence,
  type FeedBuild,
  maxFeedLine,
  parseEvidence,
  parseFeedBuild,
} from '../lib/contracts/documents/feed.ts';
import {
  maxPublicationLine,
  type PublicationEntry,
  parsePublicationEntry,
} from '../lib/contracts/documents/publication.ts';
import { maxRecipeBytes, parseRecipe } from '../lib/contracts/documents/recipe.ts';
import { readJsonLines } from '../lib/contracts/json-lines.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import type { ObjectStore } from '../lib/objects/store.ts';

/** Reads documents out of the object store: each through its parser, none beyond its cap. */

export const maxEvidenceBytes = 4 * 1_048_576;

async function readWith<T>(
  objects: ObjectStore,
  sha256: Sha256,
  max: number,
  parse: (untrusted: unknown) => T,
): Promise<T> {
  const text = (await objects.read(sha256, max)).toString('utf8');
  let untrusted: unknown;
  try {
    untrusted = JSON.parse(text);
  } catch (cause) {
    throw new ContractError('protocol', `object ${sha256} is not JSON`, { cause });
  }
  return parse(untrusted);
}

export function readRecipe(objects: ObjectStore, sha256: Sha256) {
  return readWith(objects, sha256, maxRecipeBytes, parseRecipe);
}

export function readReport(objects: ObjectStore, sha256: Sha256) {
  return readWith(objects, sha256, maxReportBytes, parseBuildReport);
}

export function readAttestation(objects: ObjectStore, sha256: Sha256) {
  return readWith(objects, sha256, maxAttestationBytes, parseAttestation);
}

export function readEvidence(objects: ObjectStore, sha256: Sha256): Promise<Evidence> {
  return readWith(objects, sha256, maxEvidenceBytes, parseEvidence);
}

/** The builds of a feed, as they stand in it. */
export async function* readBuilds(
  objects: ObjectStore,
  list: Sha256,
): AsyncGenerator<FeedBuild, void, undefined> {
  const { bytes } = await objects.object(list);
  yield* readJsonLines(bytes(), { what: 'builds of a feed', maxLine: maxFeedLine, parse: parseFeedBuild });
}

/** The files that a publication or a set of pages lists. */
export async function* readPublication(
  objects: ObjectStore,
  list: Sha256,
): AsyncGenerator<PublicationEntry, void, undefined> {
  const { bytes } = await objects.object(list);
  yield* readJsonLines(bytes(), {
    what: 'publication',
    maxLine: maxPublicationLine,
    parse: parsePublicationEntry,
  });
}

/** Every object that a document of evidence refers to. */
export function objectsOfEvidence(evidence: Evidence): Sha256[] {
  return evidence.releases.flatMap(({ release, signature, indexes }) => [
    release,
    ...(signature === null ? [] : [signature]),
    ...indexes.map((index) => index.sha256),
  ]);
}
