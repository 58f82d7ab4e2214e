import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Turns } from '../../lib/daemon/turns.ts';
import { parseSha256, type Sha256 } from '../../lib/domain/names.ts';
import { readIfThere, replaceFile } from '../../lib/objects/durable-file.ts';
import { signFolder } from './keys.ts';

/** The counters cannot be believed, or refuse. */
export class CounterError extends Error {
  override readonly name = 'CounterError';
  constructor(
    /** `spent`: not higher than the last. `many`: no room for one publication more. */
    readonly code: 'unreadable' | 'spent' | 'many',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

type Last = Readonly<{ counter: number; sha256: Sha256 }>;

/** No operator has as many; each is one line that is kept for ever. */
const maxPublications = 100;

/**
 * The highest counter of each publication whose manifest was or may have been signed, and that manifest's sha256: in one
 * file, on the disk before the signature leaves. A lost reply is asked for again with the very same document.
 */
export class Counters {
  readonly #path: string;
  /** One writer at a time. */
  readonly #turn = new Turns(1);
  #last: ReadonlyMap<string, Last>;

  private constructor(path: string, last: ReadonlyMap<string, Last>) {
    this.#path = path;
    this.#last = last;
  }

  /** @throws CounterError `unreadable`: a vault that forgot its counters signs no manifest. */
  static async open(state: string): Promise<Counters> {
    await mkdir(signFolder(state), { recursive: true, mode: 0o700 });
    const path = join(signFolder(state), 'counters');
    const text = await readIfThere(path);
    return new Counters(path, text === undefined ? new Map() : parse(path, text));
  }

  /** Spends a counter for one document; settles once that is on the disk. */
  async spend(publication: string, counter: number, sha256: Sha256): Promise<void> {
    await this.#turn.take(async () => {
      const last = this.#last.get(publication);
      if (last?.counter === counter && last.sha256 === sha256) return;
      if (last !== undefined && counter <= last.counter) {
        throw new CounterError(
          'spent',
          `${publication}: counter ${counter}, expected more than ${last.counter}, which another manifest has`,
        );
      }
      if (last === undefined && this.#last.size >= maxPublications) {
        throw new CounterError('many', `${publication}: there are ${maxPublications} publications already`);
      }
      const next = new Map([...this.#last, [publication, { counter, sha256 }]]);
      await replaceFile(this.#path, format(next));
      this.#last = next;
    });
  }
}

/** `PUBLICATION COUNTER SHA256`, a line each. */
function format(last: ReadonlyMap<string, Last>): string {
  return [...last].map(([name, { counter, sha256 }]) => `${name} ${counter} ${sha256}\n`).join('');
}

function parse(path: string, text: string): ReadonlyMap<string, Last> {
  const lines = text.split('\n');
  const last = new Map<string, Last>();
  if (lines.pop() !== '') throw unreadable(path, lines.length + 1);
  for (const [at, line] of lines.entries()) {
    const [, name = '', digits = '', sha256] = /^([a-z0-9.+-]+) (\d{1,16}) ([0-9a-f]{64})$/.exec(line) ?? [];
    if (sha256 === undefined || last.has(name)) throw unreadable(path, at + 1);
    last.set(name, { counter: Number(digits), sha256: parseSha256(sha256) });
  }
  return last;
}

function unreadable(path: string, line: number): CounterError {
  return new CounterError(
    'unreadable',
    `${path}:${line}: expected PUBLICATION COUNTER SHA256; bring it back from a backup`,
  );
}
