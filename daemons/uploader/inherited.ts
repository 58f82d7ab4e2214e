import { createReadStream } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  maxPublicationLine,
  type PublicationEntry,
  parsePublicationEntry,
} from '../lib/contracts/documents/publication.ts';
import { maxInputBytes } from '../lib/contracts/fetch.ts';
import { formatJsonLines, readJsonLines } from '../lib/contracts/json-lines.ts';
import { inheritedFolder, inheritedList } from '../lib/contracts/seed.ts';
import type { Log } from '../lib/daemon/log.ts';
import { publicationPathOf } from '../lib/domain/names.ts';
import { replaceFile } from '../lib/objects/durable-file.ts';
import { statOf, syncFolder } from '../lib/objects/files.ts';
import type { ObjectStore } from '../lib/objects/store.ts';

/**
 * What another program published before this line did, and an operator had taken over. It comes as files below a folder;
 * they become objects once, and from then on a list says which.
 */
export class Inherited {
  #entries: readonly PublicationEntry[];

  private constructor(
    readonly list: string,
    entries: readonly PublicationEntry[],
  ) {
    this.#entries = entries;
  }

  static async open(state: string, objects: ObjectStore, log: Log): Promise<Inherited> {
    const folder = join(state, inheritedFolder);
    const list = join(state, inheritedList);
    // A folder that is half gone must not be taken for all that there was.
    const old = `${folder}.old`;
    await rm(old, { recursive: true, force: true });
    if ((await statOf(folder)) === undefined) return new Inherited(list, await readList(list));
    const entries = await readInherited(folder, objects, log);
    await replaceFile(list, formatJsonLines(entries).toString());
    await rename(folder, old);
    await syncFolder(state);
    await rm(old, { recursive: true });
    return new Inherited(list, entries);
  }

  get entries(): readonly PublicationEntry[] {
    return this.#entries;
  }

  /** What the publication came before once stays gone, also when it names that place no more. */
  async forgetSuperseded(published: readonly PublicationEntry[]): Promise<void> {
    const there = new Set(published);
    const left = this.#entries.filter((entry) => there.has(entry));
    if (left.length === this.#entries.length) return;
    await replaceFile(this.list, formatJsonLines(left).toString());
    this.#entries = left;
  }
}

async function readList(list: string): Promise<readonly PublicationEntry[]> {
  if ((await statOf(list)) === undefined) return [];
  const rows = readJsonLines(createReadStream(list), {
    what: list,
    maxLine: maxPublicationLine,
    parse: parsePublicationEntry,
  });
  const entries: PublicationEntry[] = [];
  for await (const entry of rows) entries.push(entry);
  return entries;
}

/** The files below `dir`, kept as objects; what cannot be published is told and left out. */
async function readInherited(dir: string, objects: ObjectStore, log: Log): Promise<PublicationEntry[]> {
  const entries: PublicationEntry[] = [];
  for await (const name of filesIn(dir, '')) {
    const path = publicationPathOf(name);
    const size = (await statOf(join(dir, name)))?.size ?? 0;
    if (path === undefined || size > maxInputBytes) {
      const why = path === undefined ? 'no name that can be published' : 'too large';
      log.warning(`of what was published before, a file is left out: ${why}`, { path: name });
      continue;
    }
    entries.push({ path, ...(await objects.put(createReadStream(join(dir, name)), maxInputBytes)) });
  }
  return entries;
}

/** The publication, and of what was published before it whatever stands in none of its places. */
export function withInherited(
  entries: readonly PublicationEntry[],
  inherited: readonly PublicationEntry[],
): PublicationEntry[] {
  // Nothing was taken over on most hosts.
  if (inherited.length === 0) return [...entries];
  const files = new Set<string>(entries.map(({ path }) => path));
  const folders = new Set(entries.flatMap(({ path }) => foldersOf(path)));
  const kept = inherited.filter(
    ({ path }) =>
      !files.has(path) && !folders.has(path) && !foldersOf(path).some((folder) => files.has(folder)),
  );
  return [...entries, ...kept];
}

function foldersOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

async function* filesIn(dir: string, folder: string): AsyncIterable<string> {
  const items = await readdir(join(dir, folder), { withFileTypes: true });
  for (const item of items.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? item.name : `${folder}/${item.name}`;
    if (item.isDirectory()) yield* filesIn(dir, path);
    else if (item.isFile()) yield path;
  }
}
