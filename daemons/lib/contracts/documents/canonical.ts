import { CanonicalJsonError, canonicalJson, type Json } from '../../domain/canonical-json.ts';
import { type JsonObject, MetablockError, parseJsonObject } from '../../domain/metablock.ts';
import { ContractError } from '../contract.ts';

/** Documents that are signed as they stand: their bytes are the canonical JSON of what their parser makes of them. */

/** The canonical JSON of a document, in UTF-8. */
export function canonicalBytes(document: object): Uint8Array {
  return new TextEncoder().encode(canonicalJson(document as Json));
}

/** Capped bytes that have to be one JSON object in UTF-8, still untrusted. */
export function readObject(untrusted: Uint8Array, maxBytes: number, what: string): JsonObject {
  if (untrusted.length > maxBytes) throw malformed(what, `larger than ${maxBytes} bytes`);
  try {
    // A byte order mark stays in the text, where it is no JSON.
    return parseJsonObject(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(untrusted));
  } catch (error) {
    if (error instanceof MetablockError) throw malformed(what, error.message, error);
    if (error instanceof TypeError) throw malformed(what, 'not UTF-8', error);
    throw error;
  }
}

/**
 * A document whose bytes are exactly the canonical JSON of what `parse` returns: no member twice, no other order,
 * spelling or white space, nothing that one reader would drop. So no two readers can disagree about what was signed.
 *
 * @throws ContractError
 */
export function readCanonical<T extends object>(
  untrusted: Uint8Array,
  { parse, maxBytes, what }: Readonly<{ parse: (untrusted: unknown) => T; maxBytes: number; what: string }>,
): T {
  const document = parse(readObject(untrusted, maxBytes, what));
  if (!sameBytes(canonicalOf(document, what), untrusted)) {
    throw malformed(what, 'not the canonical JSON of itself (a member twice, another order, or white space)');
  }
  return document;
}

function canonicalOf(document: object, what: string): Uint8Array {
  try {
    return canonicalBytes(document);
  } catch (error) {
    if (error instanceof CanonicalJsonError) throw malformed(what, error.message, error);
    throw error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** Whether names stand in the order of their code points, none of them twice. */
export function areSorted(names: readonly string[]): boolean {
  return names.every((name, at) => at === 0 || (names[at - 1] ?? '') < name);
}

export function malformed(what: string, say: string, cause?: unknown): ContractError {
  return new ContractError('protocol', `${what}: ${say}`, { cause });
}
