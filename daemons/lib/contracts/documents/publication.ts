import { z } from 'zod';
import { parseWith } from '../contract.ts';
import { publicationPath, sha256, size } from '../fields.ts';

/** One file of the publication; the document is JSON lines sorted by path. */

export const maxPublicationLine = 2_000;

export const publicationEntrySchema = z.strictObject({ path: publicationPath, sha256, size });
export type PublicationEntry = z.infer<typeof publicationEntrySchema>;

export function parsePublicationEntry(untrusted: unknown): PublicationEntry {
  return parseWith(publicationEntrySchema, untrusted, 'publication');
}
