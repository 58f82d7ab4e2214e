import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const smallBytes = 16_384;
const gatheredBytes = 65_536;
/** What comes while the disk is at work is held, up to so much, and written together. */
const unwrittenBytes = 1_048_576;

/** Writes the pieces and closes the file, however it ends; with `flush` they are on the disk then. */
export async function writeGathered(
  file: FileHandle,
  pieces: AsyncIterable<Uint8Array>,
  options: Readonly<{ flush?: boolean }> = {},
): Promise<void> {
  await pipeline(gather(pieces), file.createWriteStream({ ...options, highWaterMark: unwrittenBytes }));
}

/**
 * The same bytes, small pieces copied together: a stream counts the bytes that wait in it, not the pieces, and a million
 * of one byte would cost it hundreds of megabytes.
 */
export async function* gather(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held = Buffer.alloc(0);
  let used = 0;
  for await (const piece of pieces) {
    if (used > 0 && (piece.length >= smallBytes || used + piece.length > gatheredBytes)) {
      yield held.subarray(0, used);
      used = 0;
    }
    if (piece.length >= smallBytes) yield piece;
    else {
      // What was handed on still holds the last one.
      if (used === 0) held = Buffer.allocUnsafe(gatheredBytes);
      held.set(piece, used);
      used += piece.length;
    }
  }
  if (used > 0) yield held.subarray(0, used);
}
