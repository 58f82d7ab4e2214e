import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/daemon/clock.ts';
import { parseSha256, type Sha256 } from '../../lib/domain/names.ts';
import { trim } from '../../lib/objects/collect.ts';
import { isCode, syncFolder, writeSynced } from '../../lib/objects/files.ts';
import { ObjectStore } from '../../lib/objects/store.ts';

/** A kept base as input of a build. */
export type StoredBase = Readonly<{ sha256: Sha256; size: number }>;

export interface ShelfOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** Bytes that all bases together may take; the one used longest ago goes first. */
  readonly maxBytes: number;
}

/** How many disposables must have made the same bytes before a base serves a build (DESIGN §7). */
export const makingsNeeded = 2;
const maxRecordBytes = 1_024;

/**
 * Bases by their key. Beside the tarballs stands what each disposable made of a key; only one that enough of them made
 * alike is given out, and one that two made differently never is.
 */
export class Shelf {
  readonly #options: ShelfOptions;
  readonly #store: ObjectStore;
  #written = 0;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: ShelfOptions, store: ObjectStore) {
    this.#options = options;
    this.#store = store;
  }

  static async open(options: ShelfOptions): Promise<Shelf> {
    const { folder, clock } = options;
    await mkdir(join(folder, 'makings'), { recursive: true, mode: 0o700 });
    return new Shelf(options, await ObjectStore.open(join(folder, 'objects'), { clock }));
  }

  /** The base of that key, if it may serve a build. */
  async find(key: Sha256): Promise<StoredBase | undefined> {
    const agreed = agreedOf(await this.#makings(key));
    if (agreed === undefined || !(await this.#store.touch(agreed))) return undefined;
    const size = await this.#store.size(agreed);
    return size === undefined ? undefined : { sha256: agreed, size };
  }

  /** How many more disposables should make it; none where two disagreed. */
  async missing(key: Sha256): Promise<number> {
    const makings = await this.#makings(key);
    if (new Set(makings).size > 1) return 0;
    const [first] = makings;
    const wanted = Math.max(0, makingsNeeded - makings.length);
    // Removed to make room: one more making that agrees with those before brings it back.
    return first !== undefined && wanted === 0 && !(await this.#store.has(first)) ? 1 : wanted;
  }

  /** Keeps what one disposable made, for good; says whether it is as the others made it. */
  async add(key: Sha256, bytes: AsyncIterable<Uint8Array>, whole: Promise<unknown>): Promise<boolean> {
    const { sha256 } = await this.#store.put(bytes, this.#options.maxBytes);
    await whole;
    // One after the other: each record holds what the one before did.
    const recorded = this.#last.then(() => this.#judge(key, sha256));
    this.#last = recorded.catch(() => {});
    return await recorded;
  }

  async object(sha256: Sha256) {
    return await this.#store.object(sha256);
  }

  async #judge(key: Sha256, sha256: Sha256): Promise<boolean> {
    const makings = [...(await this.#makings(key)), sha256];
    const different = new Set(makings);
    const alike = different.size === 1;
    await this.#record(key, alike ? makings : [...different]);
    if (!alike) for (const one of different) this.#store.delete(one);
    await this.#trim();
    return alike;
  }

  async #makings(key: Sha256): Promise<readonly Sha256[]> {
    try {
      const text = await readFile(join(this.#options.folder, 'makings', key), 'utf8');
      return text.slice(0, maxRecordBytes).split('\n').filter(Boolean).map(parseSha256);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  async #record(key: Sha256, makings: readonly Sha256[]): Promise<void> {
    const folder = join(this.#options.folder, 'makings');
    this.#written += 1;
    const temporary = join(folder, `.${key}.${process.pid}.${this.#written}`);
    const lines = makings.slice(0, makingsNeeded).map((sha256) => `${sha256}\n`);
    await writeSynced(temporary, lines.join(''), { flags: 'w' });
    await rename(temporary, join(folder, key));
    await syncFolder(folder);
  }

  async #trim(): Promise<void> {
    const { maxBytes, clock } = this.#options;
    await trim(this.#store, { now: clock.now(), maxBytes, slack: 0 });
  }
}

function agreedOf(makings: readonly Sha256[]): Sha256 | undefined {
  return makings.length >= makingsNeeded && new Set(makings).size === 1 ? makings[0] : undefined;
}
