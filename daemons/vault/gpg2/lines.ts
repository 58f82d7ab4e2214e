/** libassuan's ASSUAN_LINELENGTH, the line feed included. */
const maxLineBytes = 1_002;

/** Somebody sent a line that Assuan does not have. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
  constructor() {
    super(`a line of more than ${maxLineBytes} bytes`);
  }
}

/**
 * The lines of an Assuan stream, a character a byte (data lines are binary), without their line feeds. What follows the
 * last line feed is no line.
 *
 * @throws LineTooLong
 */
export async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + chunk.toString('latin1')).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > maxLineBytes || parts.some((line) => line.length > maxLineBytes))
      throw new LineTooLong();
    yield* parts;
  }
}
