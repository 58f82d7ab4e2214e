/** What split-gpg2 reads before it gives up on a line: asyncio's limit. */
const maxHeld = 65_536;

/** Somebody sent what is no line any more. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
  constructor() {
    super(`a line of more than ${maxHeld} bytes`);
  }
}

/**
 * The lines of an Assuan stream, a character a byte (data lines are binary), without their line feeds. What follows the
 * last line feed is a line too, as in split-gpg2.
 *
 * @throws LineTooLong
 */
export async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + chunk.toString('latin1')).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      if (line.length > maxHeld) throw new LineTooLong();
      yield line;
    }
    if (rest.length > maxHeld) throw new LineTooLong();
  }
  if (rest !== '') yield rest;
}
