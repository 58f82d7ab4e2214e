import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isoTime } from '../lib/daemon/clock.ts';
import { escapeText } from '../lib/daemon/escape-text.ts';
import { syncFolder } from '../lib/objects/files.ts';

/** What a signature was made of, by name; `for` is the calling qube. */
export type SignatureFacts = Readonly<Record<string, string | number>>;

const maxFact = 600;
/** Ends a line that a kill or a full disk cut short: the signature it was about never left. */
const tornMark = ' (torn)\n';

/**
 * One line a signature, on the disk before the signature leaves. The file is only ever appended to, by whatever process
 * of the vault signs, so that `chattr +a` may hold it: a line that was cut short is marked and not removed.
 */
export class SignatureLog {
  readonly #state: string;
  #waiting: { readonly lines: string[]; readonly written: Promise<void> } | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param state the vault's state folder */
  constructor(state: string) {
    this.#state = state;
  }

  /** Resolves with the lines when they are on the disk. Those that come while others are written share the next write. */
  async add(nowMs: number, ...signatures: readonly SignatureFacts[]): Promise<string> {
    const lines = signatures.map((facts) => {
      const words = Object.entries(facts).map(([name, value]) => `${name}=${wordOf(value)}`);
      return `${isoTime(nowMs)} signed ${words.join(' ')}\n`;
    });
    this.#waiting ??= this.#next();
    this.#waiting.lines.push(...lines);
    await this.#waiting.written;
    return lines.join('');
  }

  /** Marks the last line if it was cut short; whether it was. */
  async mend(): Promise<boolean> {
    let mended = false;
    await append(this.#state, (isTorn) => {
      mended = isTorn;
      return isTorn ? tornMark : '';
    });
    return mended;
  }

  #next() {
    const lines: string[] = [];
    const written = this.#last.then(async () => {
      this.#waiting = undefined;
      await append(this.#state, (isTorn) => `${isTorn ? tornMark : ''}${lines.join('')}`);
    });
    this.#last = written.catch(() => {});
    return { lines, written };
  }
}

async function append(state: string, text: (isTorn: boolean) => string): Promise<void> {
  const path = join(state, 'signatures.log');
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    await file.appendFile(text(await endsInsideLine(file, size)));
    await file.sync();
    if (size === 0) await syncFolder(dirname(path));
  } finally {
    await file.close();
  }
}

async function endsInsideLine(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== 0x0a;
}

/** A fact is one word, whatever it was made of. */
function wordOf(value: string | number): string {
  return escapeText(String(value), maxFact).replaceAll(/\s/g, '_');
}
