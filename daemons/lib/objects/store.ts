import { createHash } from 'node:crypto';
import { createReadStream, statSync, unlinkSync } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rm, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../daemon/clock.ts';
import { writeGathered } from '../daemon/gather.ts';
import { parseSha256, type Sha256 } from '../domain/names.ts';
import { isCode, isRunning, statOf, syncFolder, writeSynced } from './files.ts';
import { readStart, wholeOf } from './small.ts';

/** Content-addressed files: `ab/cdef…` by sha256, each whole or not there (temporary file, fsync, link). */

export type StoreErrorCode = 'too-large' | 'quota' | 'disk-full' | 'missing' | 'corrupt';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  constructor(
    readonly code: StoreErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface StoreOptions {
  readonly clock: Clock;
  /** Bytes that all objects together may take; absent: as much as the disk holds. */
  readonly quotaBytes?: number;
  /** Bytes that are left free on the disk, for others to go on writing; absent: none. */
  readonly reserveBytes?: number;
}

/** An object as it is sent over the wire. */
export interface StoredObject {
  readonly size: number;
  bytes(): AsyncIterable<Buffer>;
}

export interface Usage {
  readonly count: number;
  readonly bytes: number;
}

const readBytes = 262_144;
/** Bytes after which the disk is asked again how much is free. */
const askDiskEvery = 16 * 1_048_576;
/** What a file may cost the disk beside its bytes: the rest of its last block, its inode, its name. */
const fileCost = 8_192;
const inodesLeft = 1_000;
let written = 0;
/** Temporary files that this process writes now. */
const writing = new Set<string>();

export class ObjectStore {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #quota: number;
  readonly #reserve: number;
  /** Objects being put: collection leaves them alone. */
  readonly #held = new Map<Sha256, number>();
  #count = 0;
  #bytes = 0;
  #arriving = 0;
  /** Bytes that may be written before the disk is asked again. */
  #granted = 0;

  private constructor(dir: string, options: StoreOptions) {
    this.#dir = dir;
    this.#clock = options.clock;
    this.#quota = options.quotaBytes ?? Number.POSITIVE_INFINITY;
    this.#reserve = options.reserveBytes ?? 0;
  }

  /** Opens or makes the store, removes what a killed process left half-written, and counts what is there. */
  static async open(dir: string, options: StoreOptions): Promise<ObjectStore> {
    const store = new ObjectStore(dir, options);
    await mkdir(join(dir, 'tmp'), { recursive: true, mode: 0o700 });
    await store.#removeLeftovers();
    for await (const { size } of store.list()) {
      store.#count += 1;
      store.#bytes += size;
    }
    return store;
  }

  /**
   * Stores a stream under the sha256 of its bytes; the same bytes again, even at the same time, change nothing.
   *
   * @param max bytes that the stream may hold
   * @throws StoreError `too-large`, `quota` or `disk-full`; whatever the stream throws. Nothing is left of it then.
   */
  async put(bytes: AsyncIterable<Uint8Array>, max: number): Promise<{ sha256: Sha256; size: number }> {
    written += 1;
    const temporary = join(this.#dir, 'tmp', `${process.pid}.${written}`);
    const hash = createHash('sha256');
    let size = 0;
    const count = (length: number) => {
      size += length;
      this.#arriving += length;
      this.#checkSize(size, max);
    };
    writing.add(temporary);
    try {
      await this.#charge(fileCost);
      const charge = (length: number) => this.#charge(length);
      const taken = async function* () {
        for await (const chunk of bytes) {
          count(chunk.length);
          await charge(chunk.length);
          hash.update(chunk);
          yield chunk;
        }
      };
      const { first, more } = await readStart(taken());
      if (more !== undefined) {
        const file = await open(temporary, 'wx', 0o600);
        await writeGathered(file, wholeOf(first, more), { flush: true });
      }
      const sha256 = parseSha256(hash.digest('hex'));
      if (more === undefined) {
        if (await this.#isHere(sha256)) return { sha256, size };
        await writeSynced(temporary, first, { flags: 'wx' });
      }
      await this.#keep(temporary, sha256, size);
      return { sha256, size };
    } catch (error) {
      await rm(temporary, { force: true });
      if (isCode(error, 'ENOSPC')) throw new StoreError('disk-full', 'the disk is full', { cause: error });
      throw error;
    } finally {
      this.#arriving -= size;
      writing.delete(temporary);
    }
  }

  /** Copies a file into the store: see {@link put}. */
  putFile(path: string, max: number): Promise<{ sha256: Sha256; size: number }> {
    return this.put(createReadStream(path, { highWaterMark: readBytes }), max);
  }

  async has(sha256: Sha256): Promise<boolean> {
    return (await this.size(sha256)) !== undefined;
  }

  /** Bytes of an object, or undefined where the store does not hold it. */
  async size(sha256: Sha256): Promise<number | undefined> {
    return (await statOf(this.path(sha256)))?.size;
  }

  /** Where an object is or would be. */
  path(sha256: Sha256): string {
    return join(this.#dir, sha256.slice(0, 2), sha256.slice(2));
  }

  /** @throws StoreError `missing` */
  async object(sha256: Sha256): Promise<StoredObject> {
    const size = await this.size(sha256);
    if (size === undefined) throw missing(sha256);
    // A reader's buffer is as large as it says, however small the file.
    const highWaterMark = Math.min(readBytes, size + 1);
    return { size, bytes: () => createReadStream(this.path(sha256), { highWaterMark }) };
  }

  /**
   * An object whole, its hash checked again.
   *
   * @throws StoreError `missing`, `corrupt`, or `too-large` beyond `max` bytes
   */
  async read(sha256: Sha256, max: number): Promise<Buffer> {
    const size = await this.size(sha256);
    if (size === undefined) throw missing(sha256);
    if (size > max)
      throw new StoreError('too-large', `object ${sha256} has ${size} bytes, at most ${max} were expected`);
    const content = await readFile(this.path(sha256));
    if (createHash('sha256').update(content).digest('hex') !== sha256) {
      throw new StoreError('corrupt', `object ${sha256} does not have that hash any more`);
    }
    return content;
  }

  /** Makes an object young again, as if it had been put now; says whether it is there. */
  async touch(sha256: Sha256): Promise<boolean> {
    this.#hold(sha256);
    try {
      return await this.#renewAge(sha256);
    } finally {
      this.#release(sha256);
    }
  }

  /** Removes an object; one that is not there or is being put stays so. Says whether it removed it. */
  delete(sha256: Sha256): boolean {
    return this.removeOlder(sha256, Number.POSITIVE_INFINITY) !== undefined;
  }

  /** Objects and bytes held, without reading the disk. */
  usage(): Usage {
    return { count: this.#count, bytes: this.#bytes };
  }

  get quotaBytes(): number {
    return this.#quota;
  }

  /** Bytes that may still be stored: what the quota leaves or what the disk does, whichever is less. */
  async room(): Promise<number> {
    return Math.min(await this.#free(), this.#quota - this.#bytes - this.#arriving);
  }

  /** Every object, in no order; ones that come or go meanwhile may or may not be among them. */
  async *list(): AsyncGenerator<{ sha256: Sha256; size: number; touched: number }, void, undefined> {
    for (const folder of (await readdir(this.#dir)).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      for (const name of await readdir(join(this.#dir, folder))) {
        if (!/^[0-9a-f]{62}$/.test(name)) continue;
        const sha256 = parseSha256(folder + name);
        const found = await statOf(this.path(sha256));
        if (found !== undefined) yield { sha256, size: found.size, touched: found.mtimeMs };
      }
    }
  }

  /**
   * Removes an object that was not put or touched since `putBefore`, wall time in ms, and says how large it was. Synchronous,
   * so that no put can begin between the look and the removal.
   */
  removeOlder(sha256: Sha256, putBefore: number): number | undefined {
    if (this.#held.has(sha256)) return undefined;
    const found = statSync(this.path(sha256), { throwIfNoEntry: false });
    if (found === undefined || Math.round(found.mtimeMs) >= putBefore) return undefined;
    unlinkSync(this.path(sha256));
    this.#count -= 1;
    this.#bytes -= found.size;
    return found.size;
  }

  #checkSize(size: number, max: number): void {
    if (size > max) throw new StoreError('too-large', `an object has more than ${max} bytes`);
    if (this.#bytes + this.#arriving > this.#quota) {
      throw new StoreError('quota', `the object store's quota of ${this.#quota} bytes is used up`);
    }
  }

  /** Counts bytes that are about to be written; asks the disk when those that it granted are used up. */
  async #charge(bytes: number): Promise<void> {
    if (bytes > this.#granted) {
      const left = (await this.#free()) - this.#reserve;
      if (left < bytes) {
        throw new StoreError('disk-full', `the disk has only its reserve of ${this.#reserve} bytes left`);
      }
      this.#granted = Math.min(left, askDiskEvery);
    }
    this.#granted -= bytes;
  }

  /** Bytes that the disk still takes; none where it has no inodes left. Some file systems count none at all. */
  async #free(): Promise<number> {
    const { bavail, bsize, files, ffree } = await statfs(this.#dir);
    return files > 0 && ffree < inodesLeft ? 0 : bavail * bsize;
  }

  /** `link`, unlike `rename`, tells whether the name was new: two puts of the same bytes count once. */
  async #keep(temporary: string, sha256: Sha256, size: number): Promise<void> {
    this.#hold(sha256);
    try {
      const now = this.#clock.now() / 1_000;
      await utimes(temporary, now, now);
      const folder = join(this.#dir, sha256.slice(0, 2));
      if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await syncFolder(this.#dir);
      await link(temporary, this.path(sha256));
      this.#count += 1;
      this.#bytes += size;
      await syncFolder(folder);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      await this.#isHere(sha256);
    } finally {
      this.#release(sha256);
      await rm(temporary, { force: true });
    }
  }

  /** Whether that object is on the disk already; it is then young again. */
  async #isHere(sha256: Sha256): Promise<boolean> {
    if (!(await this.touch(sha256))) return false;
    // Who made it may not have come to that yet.
    await syncFolder(join(this.#dir, sha256.slice(0, 2)));
    return true;
  }

  async #renewAge(sha256: Sha256): Promise<boolean> {
    const now = this.#clock.now() / 1_000;
    try {
      await utimes(this.path(sha256), now, now);
      return true;
    } catch (error) {
      if (isCode(error, 'ENOENT')) return false;
      throw error;
    }
  }

  #hold(sha256: Sha256): void {
    this.#held.set(sha256, (this.#held.get(sha256) ?? 0) + 1);
  }

  #release(sha256: Sha256): void {
    const left = (this.#held.get(sha256) ?? 1) - 1;
    if (left > 0) this.#held.set(sha256, left);
    else this.#held.delete(sha256);
  }

  /** Temporary files are named by process: those of one that runs (a cache may be shared) are left alone. */
  async #removeLeftovers(): Promise<void> {
    for (const name of await readdir(join(this.#dir, 'tmp'))) {
      const path = join(this.#dir, 'tmp', name);
      const pid = Number(name.split('.')[0]);
      const isWritten = pid === process.pid ? writing.has(path) : isRunning(pid);
      if (!isWritten) await rm(path, { force: true });
    }
  }
}

function missing(sha256: Sha256): StoreError {
  return new StoreError('missing', `the object store does not hold ${sha256}`);
}
