import { z } from 'zod';
import { parseWith } from '../contract.ts';
import { count, sha256, size, version1 } from '../fields.ts';
import { areSorted, malformed, readCanonical } from './canonical.ts';
import { publicationEntrySchema } from './publication.ts';
import { timestamp } from './statement.ts';

/**
 * What verifiers rely on in one state of a publication (DESIGN §4.7): links, statements, evidence, lookups by sha256,
 * each with its path, hash and size; pages are not in it. `counter` only grows, so that an older state shown again, or
 * two states under one number, is seen by whoever remembers the last.
 */

export const manifestType = 'https://github.com/fepitre/package-rebuilder/manifest/v1';
export const maxManifestBytes = 8 * 1_048_576;
const maxFilesInside = 5_000;

/** A publication's name: a project's, or another that its operator gave it. */
const publicationName = z.string().regex(/^[a-z0-9][a-z0-9.+-]{0,62}$/, 'not the name of a publication');

const manifest = z.strictObject({
  _type: z.literal(manifestType),
  v: version1,
  publication: publicationName,
  counter: z
    .int()
    .min(1)
    .max(2 ** 50),
  time: timestamp,
  content: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('files'),
      files: z.array(publicationEntrySchema).max(maxFilesInside),
    }),
    /** More files: JSON lines as in the Publication document, sorted by path, in an object of their own. */
    z.strictObject({ kind: z.literal('list'), sha256, size, count }),
  ]),
});
export type Manifest = z.infer<typeof manifest>;

/** The manifest's shape; the order of its files is `readManifest`'s. */
export function parseManifest(untrusted: unknown): Manifest {
  return parseWith(manifest, untrusted, 'manifest');
}

/** A manifest in the bytes that are its payload, in canonical form, its files sorted by path, each once. */
export function readManifest(untrusted: Uint8Array): Manifest {
  const read = readCanonical(untrusted, {
    parse: parseManifest,
    maxBytes: maxManifestBytes,
    what: 'manifest',
  });
  if (read.content.kind === 'files' && !areSorted(read.content.files.map(({ path }) => path))) {
    throw malformed('manifest', 'content.files: not sorted by path, each path once');
  }
  return read;
}
