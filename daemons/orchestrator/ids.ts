import { createHash } from 'node:crypto';
import { type BuildSpec, buildKey } from '../lib/domain/build.ts';

/** 16 characters that name one build in every journal it passes. */
export type BuildId = string;
/** The 16 characters, a dot, and the stage. */
export type JobId = string;

export const stages = [
  'feed',
  'inputs',
  'rebuild',
  'attest',
  'report',
  'upload',
  'official',
  'diff',
] as const;
export type Stage = (typeof stages)[number];

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** The same words always make the same id: what is listed again is not done again. */
function idOf(key: string): string {
  const hash = createHash('sha256').update(key).digest();
  let id = '';
  for (let bit = 0; bit < 80; bit += 5) {
    const two = hash.readUInt16BE(bit >> 3);
    id += base32[(two >> (11 - (bit & 7))) & 31];
  }
  return id;
}

export function buildIdOf(build: BuildSpec): BuildId {
  return idOf(buildKey(build));
}

export function jobIdOf(build: BuildId, stage: Stage): JobId {
  return `${build}.${stage}`;
}

/** The id of work that is no build's: a feed's, the report's. */
export function standingJobId(stage: Stage, key: string): JobId {
  return jobIdOf(idOf(`${stage} ${key}`), stage);
}
