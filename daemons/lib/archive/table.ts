import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ArchiveError } from './errors.ts';

/**
 * A sorted file of rows, fields separated by tabs, found again by their first fields in a binary search over the file's
 * bytes: opening one costs a read, a look-up a few dozen comparisons, and nothing is parsed that is not asked for.
 */

const formatVersion = 'package-rebuilder table 1';
const newline = 0x0a;
const arenaChunk = 4 * 1_048_576;

/** Collects rows of ASCII text and sorts them by their bytes. */
export class TableBuilder {
  #chunks: Buffer[] = [Buffer.allocUnsafe(arenaChunk)];
  #used = 0;
  /** Each row's place: chunk, start, end. */
  readonly #places: { chunk: number; start: number; end: number }[] = [];

  get size(): number {
    return this.#places.length;
  }

  add(row: string): void {
    if (this.#used + row.length > arenaChunk) {
      this.#chunks.push(Buffer.allocUnsafe(Math.max(arenaChunk, row.length)));
      this.#used = 0;
    }
    const chunk = this.#chunks.length - 1;
    const buffer = this.#chunks[chunk] as Buffer;
    const end = this.#used + buffer.write(row, this.#used, 'latin1');
    this.#places.push({ chunk, start: this.#used, end });
    this.#used = end;
  }

  /** Writes the sorted rows to `path`, whole or not at all. `about` is told again when the table is opened. */
  async write(path: string, about: string): Promise<void> {
    const rows = this.#places.map(({ chunk, start, end }) =>
      (this.#chunks[chunk] as Buffer).subarray(start, end),
    );
    rows.sort(Buffer.compare);
    const header = `${formatVersion} ${rows.length} ${about}\n`;
    const size = rows.reduce((sum, row) => sum + row.length + 1, header.length);
    const out = Buffer.allocUnsafe(size);
    let at = out.write(header, 'latin1');
    for (const row of rows) {
      at += row.copy(out, at);
      out[at] = newline;
      at += 1;
    }
    await writeWhole(path, out);
  }
}

export class SortedTable {
  readonly #bytes: Buffer;
  readonly #start: number;

  private constructor(
    bytes: Buffer,
    start: number,
    readonly count: number,
  ) {
    this.#bytes = bytes;
    this.#start = start;
  }

  /** undefined when there is none, or one of another format or subject. */
  static async open(path: string, about: string): Promise<SortedTable | undefined> {
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const end = bytes.indexOf(newline);
    const header = bytes.toString('latin1', 0, Math.max(end, 0));
    const count = /^(\d+) /.exec(header.slice(formatVersion.length + 1))?.[1];
    if (count === undefined || header !== `${formatVersion} ${count} ${about}`) return undefined;
    if (bytes.at(-1) !== newline) throw new ArchiveError('malformed', `${path} is cut short`);
    return new SortedTable(bytes, end + 1, Number(count));
  }

  /** The rows whose first fields are exactly `key`, in order. */
  *find(...key: readonly string[]): Generator<readonly string[]> {
    const prefix = Buffer.from(`${key.join('\t')}\t`, 'latin1');
    for (let at = this.#firstNotBefore(prefix); at < this.#bytes.length; ) {
      const end = this.#bytes.indexOf(newline, at);
      if (this.#bytes.compare(prefix, 0, prefix.length, at, Math.min(end, at + prefix.length)) !== 0) return;
      yield this.#bytes.toString('latin1', at, end).split('\t');
      at = end + 1;
    }
  }

  /** Every row, in order. */
  *rows(): Generator<readonly string[]> {
    for (let at = this.#start; at < this.#bytes.length; ) {
      const end = this.#bytes.indexOf(newline, at);
      yield this.#bytes.toString('latin1', at, end).split('\t');
      at = end + 1;
    }
  }

  /** Where the first row begins that does not sort before `prefix`. */
  #firstNotBefore(prefix: Buffer): number {
    let low = this.#start;
    let high = this.#bytes.length;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      const before = this.#bytes.lastIndexOf(newline, middle - 1);
      const row = Math.max(before + 1, this.#start);
      const end = this.#bytes.indexOf(newline, row);
      if (this.#bytes.compare(prefix, 0, prefix.length, row, end) < 0) low = end + 1;
      else high = row;
    }
    return low;
  }
}

async function writeWhole(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
