import { createHash } from 'node:crypto';
import { parseSha256, type Sha256 } from '../domain/names.ts';

/** The name of an object. */
export function sha256Of(bytes: Uint8Array): Sha256 {
  return parseSha256(createHash('sha256').update(bytes).digest('hex'));
}
