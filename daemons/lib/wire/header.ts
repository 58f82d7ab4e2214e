import type { ByteReader } from './byte-reader.ts';
import { lineFeed, maxHeaderBytes, maxHeaderDepth, maxLeadingLineFeeds, WireError } from './format.ts';

/** Leading line feeds, then one JSON object and its line feed; undefined if the stream ends before one begins. */
export async function readHeader(reader: ByteReader): Promise<object | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  let skipped = 0;
  for (;;) {
    let bytes = await reader.some(maxHeaderBytes);
    if (bytes === undefined) {
      if (length > 0) throw new WireError(reader.endsEarly, 'the stream ended inside a header');
      return undefined;
    }
    if (length === 0) {
      const start = bytes.findIndex((byte) => byte !== lineFeed);
      skipped += start === -1 ? bytes.length : start;
      if (skipped > maxLeadingLineFeeds) throw new WireError('protocol', 'only line feeds and no message');
      if (start === -1) continue;
      bytes = bytes.subarray(start);
    }
    const end = bytes.indexOf(lineFeed);
    const part = end === -1 ? bytes : bytes.subarray(0, end);
    length += part.length;
    if (length >= maxHeaderBytes) {
      throw new WireError('too-large', `a header of more than ${maxHeaderBytes} bytes`);
    }
    parts.push(part);
    if (end === -1) continue;
    reader.unread(bytes.subarray(end + 1));
    return parseHeader(Buffer.concat(parts, length));
  }
}

function parseHeader(untrusted: Buffer): object {
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(untrusted);
    if (depthOf(text) > maxHeaderDepth) throw new WireError('protocol', 'a header that nests too deep');
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof WireError) throw error;
    throw new WireError('protocol', 'a header that is not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError('protocol', 'a header that is not a JSON object');
  }
  return value;
}

/** The nesting of brackets outside strings; exact for JSON, an upper bound for anything else. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth -= 1;
  }
  return deepest;
}

/** A header as it is sent. */
export function encodeHeader(header: object): Buffer {
  const bytes = Buffer.from(`${JSON.stringify(header)}\n`);
  if (bytes.length > maxHeaderBytes) {
    throw new WireError('too-large', `a header of more than ${maxHeaderBytes} bytes`);
  }
  return bytes;
}
