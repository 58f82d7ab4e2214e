import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../daemon/clock.ts';
import { Recent } from '../daemon/recent.ts';
import type { Sha256 } from '../domain/names.ts';
import { compressionOf, decompress } from './decompress.ts';
import { ArchiveError } from './errors.ts';
import { type PackagesTables, packagesTables, sourcesTable } from './index-rows.ts';
import { PackagesLookup, SourcesLookup } from './lookup.ts';
import { maxIndexBytes } from './scan.ts';
import { SortedTable } from './table.ts';

/** An index as its Release names it: the path tells how it is packed. */
export type IndexName = Readonly<{ path: string; sha256: Sha256; size: number }>;

/** Where the index itself is, asked only when its tables are not kept: a file, of any name. */
export type IndexFile = () => Promise<string>;

const keptInMemory = 16;
const keptOnDisk = 60;

/**
 * Lookups kept by the sha256 of their index, in a folder and the last few in memory. An index is hashed before it is
 * read: one whose bytes are not what its name says leaves nothing behind.
 */
export class LookupStore {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #open = new Recent<string, Promise<PackagesLookup | SourcesLookup>>(keptInMemory);

  constructor(folder: string, options: Readonly<{ clock: Clock }>) {
    this.#folder = folder;
    this.#clock = options.clock;
  }

  /** @throws ArchiveError `hash-mismatch`, `malformed`, `too-large` */
  async packages(index: IndexName, file: IndexFile): Promise<PackagesLookup> {
    return (await this.#once(`packages ${index.sha256}`, async () => {
      const kept = await this.#openPackages(index);
      if (kept !== undefined) return kept;
      await this.#make(index, file, async (bytes) => {
        const tables = await packagesTables(bytes);
        for (const [name, table] of Object.entries(tables)) {
          await table.write(this.#path(index, name), about(index, name));
        }
      });
      return required(await this.#openPackages(index), index);
    })) as PackagesLookup;
  }

  /** @throws ArchiveError `hash-mismatch`, `malformed`, `too-large` */
  async sources(index: IndexName, file: IndexFile): Promise<SourcesLookup> {
    return (await this.#once(`sources ${index.sha256}`, async () => {
      const kept = await this.#openSources(index);
      if (kept !== undefined) return kept;
      await this.#make(index, file, async (bytes) => {
        await (await sourcesTable(bytes)).write(this.#path(index, 'sources'), about(index, 'sources'));
      });
      return required(await this.#openSources(index), index);
    })) as SourcesLookup;
  }

  async #openPackages(index: IndexName): Promise<PackagesLookup | undefined> {
    const [byBinary, bySource, relations] = await Promise.all(
      packagesTableNames.map((name) => this.#table(index, name)),
    );
    return byBinary && bySource && relations && new PackagesLookup(byBinary, bySource, relations);
  }

  async #openSources(index: IndexName): Promise<SourcesLookup | undefined> {
    const table = await this.#table(index, 'sources');
    return table && new SourcesLookup(table);
  }

  async #table(index: IndexName, name: string): Promise<SortedTable | undefined> {
    const path = this.#path(index, name);
    const table = await SortedTable.open(path, about(index, name));
    const now = this.#clock.now() / 1_000;
    if (table !== undefined) await utimes(path, now, now);
    return table;
  }

  #path(index: IndexName, name: string): string {
    return join(this.#folder, `${index.sha256}.${name}`);
  }

  async #once(
    key: string,
    open: () => Promise<PackagesLookup | SourcesLookup>,
  ): Promise<PackagesLookup | SourcesLookup> {
    const known = this.#open.get(key);
    const opened = known ?? open();
    this.#open.set(key, opened);
    try {
      return await opened;
    } catch (error) {
      if (this.#open.get(key) === opened) this.#open.delete(key);
      // Who opened it for another job may have been told to stop, or its file not be had: we try ourselves.
      if (known !== undefined && !(error instanceof ArchiveError)) return await this.#once(key, open);
      throw error;
    }
  }

  async #make(
    index: IndexName,
    file: IndexFile,
    make: (bytes: AsyncIterable<Buffer>) => Promise<void>,
  ): Promise<void> {
    const path = await file();
    await checkBytes(path, index);
    const packed = createReadStream(path, { highWaterMark: 1_048_576 });
    await make(decompress(packed, compressionOf(index.path), maxIndexBytes));
    await this.#prune();
  }

  /** Forgets the tables that were used least lately. */
  async #prune(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => /^[0-9a-f]{64}\.[a-z-]+$/i.test(name));
    if (names.length <= keptOnDisk) return;
    const used = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.#folder, name))).mtimeMs })),
    );
    used.sort((a, b) => a.at - b.at);
    for (const { name } of used.slice(0, names.length - keptOnDisk)) {
      await rm(join(this.#folder, name), { force: true });
    }
  }
}

const packagesTableNames = [
  'byBinary',
  'bySource',
  'relations',
] as const satisfies readonly (keyof PackagesTables)[];

function about(index: IndexName, name: string): string {
  return `${name} of ${index.sha256}`;
}

function required<T>(lookup: T | undefined, index: IndexName): T {
  if (lookup === undefined)
    throw new ArchiveError('malformed', `the tables of ${index.path} cannot be read back`);
  return lookup;
}

/** Refuses a file whose size or sha256 is not the index's. */
async function checkBytes(path: string, index: IndexName): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  const found = hash.digest('hex');
  if (found === index.sha256 && size === index.size) return;
  throw new ArchiveError(
    'hash-mismatch',
    `index ${index.path} is not what its Release names: expected sha256 ${index.sha256} and ${index.size} bytes, ` +
      `found ${found} and ${size}`,
  );
}
