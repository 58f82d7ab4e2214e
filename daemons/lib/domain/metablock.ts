import { canonicalJson, compareCodePoints, type Json, maxJsonDepth } from './canonical-json.ts';

/** What in-toto calls a Metablock: a document and the signatures over its canonical form. */

/** A signature as gpg makes it: `other_headers` and `signature` in lower-case hexadecimal (facts: in-toto §3). */
export type GpgSignature = Readonly<{ keyid: string; other_headers: string; signature: string }>;
/** A signature of securesystemslib's own keys; some writers add members (`method`, `cert`). */
export type PlainSignature = Readonly<{ keyid: string; sig: string }>;
export type Signature = GpgSignature | PlainSignature;

export type Metablock<Signed> = Readonly<{ signatures: readonly Signature[]; signed: Signed }>;

/** An in-toto document that is not one. */
export class MetablockError extends Error {
  override readonly name = 'MetablockError';
  constructor(
    readonly code: 'too-large' | 'not-json' | 'malformed' | 'unknown-kind',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const maxMetablockBytes = 16 * 1_048_576;
/** Ten thousand products have 20,000 commas and brackets; each costs time and memory before any signature is checked. */
export const maxJsonValues = 200_000;
export const maxSignatures = 100;

export type JsonObject = { readonly [key: string]: Json | undefined };

export function isGpgSignature(signature: Signature): signature is GpgSignature {
  return 'other_headers' in signature;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a document's outer form: its signatures, and what was signed, still untrusted. */
export function parseMetablock(untrusted: string): {
  signatures: readonly Signature[];
  untrusted: JsonObject;
} {
  const document = parseJsonObject(untrusted);
  // JavaScript reads 1.0 as the integer that it is not to Python; beside what was signed nobody minds.
  if (shapeOf(untrusted).hasFraction) throw new MetablockError('malformed', 'a number that is no integer');
  const { signatures = [], signed } = document;
  if (!isObject(signed)) throw new MetablockError('malformed', 'signed: expected an object');
  if (!Array.isArray(signatures) || signatures.length > maxSignatures) {
    throw new MetablockError('malformed', `signatures: expected a list of at most ${maxSignatures}`);
  }
  return { signatures: signatures.map(parseSignature), untrusted: signed };
}

/** Parses capped JSON text that has to be an object. */
export function parseJsonObject(untrusted: string): JsonObject {
  if (untrusted.length > maxMetablockBytes) {
    throw new MetablockError('too-large', `larger than ${maxMetablockBytes} bytes`);
  }
  const { depth, values } = shapeOf(untrusted);
  if (depth > maxJsonDepth) throw new MetablockError('malformed', 'nested too deep');
  if (values > maxJsonValues) {
    throw new MetablockError('too-large', `more than ${maxJsonValues} commas and brackets`);
  }
  let value: Json;
  try {
    value = JSON.parse(untrusted) as Json;
  } catch (error) {
    throw new MetablockError('not-json', 'not JSON', { cause: error });
  }
  if (!isObject(value)) throw new MetablockError('malformed', 'expected an object');
  return value;
}

/** The file form of in-toto's own tools (Metablock.dump): sorted, indented by one, ASCII, no final newline. */
export function formatMetablock(block: Metablock<JsonObject>): string {
  const sorted = sortKeys({ signatures: block.signatures.map((one) => ({ ...one })), signed: block.signed });
  return JSON.stringify(sorted, null, 1).replaceAll(
    /[^\n -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The bytes that a signature of a document covers. */
export function signedBytes(signed: JsonObject): Uint8Array {
  return new TextEncoder().encode(canonicalJson(signed));
}

/** `rebuild.KEYID8.link` and the like name a key by its first 8 digits. */
export function shortKeyId(keyid: string): string {
  return keyid.slice(0, 8).toLowerCase();
}

function parseSignature(untrusted: Json): Signature {
  if (!isObject(untrusted)) throw new MetablockError('malformed', 'signature: expected an object');
  const keyid = hexadecimal(untrusted, 'keyid');
  if (untrusted.short_keyid !== undefined) hexadecimal(untrusted, 'short_keyid');
  if (untrusted.other_headers === undefined) return { keyid, sig: hexadecimal(untrusted, 'sig') };
  return {
    keyid,
    other_headers: hexadecimal(untrusted, 'other_headers'),
    signature: hexadecimal(untrusted, 'signature'),
  };
}

function hexadecimal(object: JsonObject, member: string): string {
  const value = object[member];
  if (typeof value !== 'string' || !/^[a-fA-F0-9]+$/.test(value)) {
    throw new MetablockError('malformed', `signature.${member}: expected hexadecimal digits`);
  }
  return value;
}

function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  const sorted: Record<string, Json> = Object.create(null);
  for (const key of Object.keys(value).sort(compareCodePoints)) {
    const member = value[key];
    if (member !== undefined) sorted[key] = sortKeys(member);
  }
  return sorted;
}

/**
 * How deep brackets nest, about how many values there are (commas and opening brackets; once too many, no further), and
 * whether a number in `signed` has a fraction or an exponent, without building anything.
 */
function shapeOf(text: string): Readonly<{ depth: number; values: number; hasFraction: boolean }> {
  let depth = 0;
  let values = 0;
  let deepest = 0;
  let inText = false;
  let lastText = 0;
  let inSigned = false;
  let hasFraction = false;
  for (let i = 0; i < text.length && values <= maxJsonValues; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x2c || unit === 0x7b || unit === 0x5b) values += inText ? 0 : 1;
    if (inText) {
      if (unit === 0x5c) i += 1;
      else if (unit === 0x22) inText = false;
    } else if (unit === 0x22) {
      inText = true;
      lastText = i;
    } else if (unit === 0x3a && depth === 1) {
      inSigned = isName(text.slice(lastText, i), 'signed');
      // Of two members of one name the later counts.
      if (inSigned) hasFraction = false;
    } else if (unit === 0x7b || unit === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (unit === 0x7d || unit === 0x5d) depth -= 1;
    else if (unit === 0x2e || unit === 0x65 || unit === 0x45) {
      hasFraction ||= inSigned && isDigit(text.charCodeAt(i - 1));
    }
  }
  return { depth: deepest, values, hasFraction };
}

/** Whether a text of JSON, perhaps with escapes and blanks after it, is this name. */
function isName(text: string, name: string): boolean {
  try {
    return JSON.parse(text) === name;
  } catch {
    return false;
  }
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}
