/** Most objects are documents of a few KiB, for which a stream costs more than its bytes. */
const maxSmallBytes = 65_536;

/** The first bytes of what comes, and what comes after them: nothing where they are all. */
export type Start = Readonly<{ first: Buffer; more: AsyncIterable<Uint8Array> | undefined }>;

export async function readStart(pieces: AsyncGenerator<Uint8Array>): Promise<Start> {
  const held: Uint8Array[] = [];
  let size = 0;
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    held.push(next.value);
    size += next.value.length;
    if (size > maxSmallBytes) return { first: Buffer.concat(held), more: pieces };
  }
  return { first: Buffer.concat(held), more: undefined };
}

/** Both of a start, in order. */
export async function* wholeOf(first: Buffer, more: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* more;
}
