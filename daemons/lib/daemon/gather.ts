const smallBytes = 16_384;
const gatheredBytes = 65_536;

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
