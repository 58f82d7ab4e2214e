import { z } from 'zod';
import { parseWith } from '../contract.ts';
import { publicationPath, sha256, size } from '../fields.ts';

/** One file of the publication; the document is JSON lines sorted by path. */

export const maxPublicationLine = 2_000;

const publicationEntry = z.strictObject({ path: publicationPath, sha256, size });
export type PublicationEntry = z.infer<typeof publicationEntry>;

export function parsePublicationEntry(untrusted: unknown): PublicationEntry {
  return parseWith(publicationEntry, untrusted, 'publication');
}
