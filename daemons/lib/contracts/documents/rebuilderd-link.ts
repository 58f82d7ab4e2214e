import { z } from 'zod';
import { parseWith } from '../contract.ts';
import { poolFileName, sha256 } from '../fields.ts';
import { readCanonical } from './canonical.ts';

/**
 * The signed part of the attestation that rebuilderd's clients read (facts: rebuilderd-api §5): one file that came out
 * identical. There is none for a file that did not.
 *
 * Its signature covers the canonical JSON, in which in-toto-rs also makes a line feed of every `\n` that it finds
 * spelled out in a text. No text here can hold a backslash, so that both ways give the same bytes.
 */

export const maxRebuilderdLinkBytes = 65_536;
const maxMaterials = 16;

const hashes = z.strictObject({
  sha256,
  sha512: z.string().regex(/^[0-9a-f]{128}$/, 'not a sha512 in lower-case hexadecimal'),
});

function artifacts(most: number) {
  const files = z.record(poolFileName, hashes).refine((value) => {
    const count = Object.keys(value).length;
    return count >= 1 && count <= most;
  }, `expected 1 to ${most} files`);
  // zod's record drops a member of this name without a word.
  return z.unknown().refine(hasNoPrototype, '__proto__ is not a file name').pipe(files);
}

function hasNoPrototype(untrusted: unknown): boolean {
  return typeof untrusted !== 'object' || untrusted === null || !Object.hasOwn(untrusted, '__proto__');
}

const rebuilderdLink = z
  .strictObject({
    _type: z.literal('link'),
    name: z.string().max(300),
    /** What it was built from: the buildinfo or the source. */
    materials: artifacts(maxMaterials),
    products: artifacts(1),
    /** Not `{}`, as in-toto has it. */
    environment: z.null(),
    byproducts: z.strictObject({}),
    command: z.array(z.never()).max(0),
  })
  .refine(({ name, products }) => name === `rebuild ${Object.keys(products)[0]}`, {
    path: ['name'],
    message: 'expected "rebuild " and the name of the product',
  });
export type RebuilderdLink = z.infer<typeof rebuilderdLink>;

export function parseRebuilderdLink(untrusted: unknown): RebuilderdLink {
  return parseWith(rebuilderdLink, untrusted, 'rebuilderd link');
}

/** A link in the bytes that are signed. */
export function readRebuilderdLink(untrusted: Uint8Array): RebuilderdLink {
  return readCanonical(untrusted, {
    parse: parseRebuilderdLink,
    maxBytes: maxRebuilderdLinkBytes,
    what: 'rebuilderd link',
  });
}
