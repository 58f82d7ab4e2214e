import { ContractError } from './contract.ts';

/** JSON lines, the form of every long list that crosses a wall: one JSON value a line, LF after each. */

export interface JsonLinesOptions<T> {
  /** What is read, for messages: `view results`. */
  readonly what: string;
  /** Bytes of one line without its LF. */
  readonly maxLine: number;
  readonly parse: (untrusted: unknown) => T;
}

/**
 * Reads JSON lines as they arrive; never holds more than one line and one chunk. Empty lines are skipped.
 *
 * @throws ContractError `protocol` for a line that is too long, not UTF-8, not JSON, or not what `parse` accepts
 */
export async function* readJsonLines<T>(
  untrustedBytes: AsyncIterable<Uint8Array>,
  options: JsonLinesOptions<T>,
): AsyncGenerator<T, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let number = 0;
  for await (const chunk of untrustedBytes) {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      number += 1;
      checkLength(heldBytes + end - from, number, options);
      const line = Buffer.concat([...held, chunk.subarray(from, end)]);
      held = [];
      heldBytes = 0;
      from = end + 1;
      if (line.length > 0) yield readLine(line, number, options);
    }
    if (from < chunk.length) {
      held.push(Buffer.from(chunk.subarray(from)));
      heldBytes += chunk.length - from;
      checkLength(heldBytes, number + 1, options);
    }
  }
  if (heldBytes > 0) yield readLine(Buffer.concat(held), number + 1, options);
}

/** Writes rows as JSON lines. */
export function formatJsonLines(rows: Iterable<unknown>): Buffer {
  const lines: string[] = [];
  for (const row of rows) lines.push(`${JSON.stringify(row)}\n`);
  return Buffer.from(lines.join(''), 'utf8');
}

function checkLength(length: number, number: number, options: JsonLinesOptions<unknown>): void {
  if (length > options.maxLine) {
    throw new ContractError(
      'protocol',
      `${options.what}: line ${number}: longer than ${options.maxLine} bytes`,
    );
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function readLine<T>(line: Uint8Array, number: number, options: JsonLinesOptions<T>): T {
  let untrusted: unknown;
  try {
    untrusted = JSON.parse(utf8.decode(line));
  } catch (cause) {
    throw new ContractError('protocol', `${options.what}: line ${number}: not JSON in UTF-8`, { cause });
  }
  return options.parse(untrusted);
}
