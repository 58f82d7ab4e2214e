import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PublicationEntry } from '../lib/contracts/documents/publication.ts';
import { maxInputBytes } from '../lib/contracts/fetch.ts';
import type { Log } from '../lib/daemon/log.ts';
import { type PublicationPath, parsePublicationPath } from '../lib/domain/names.ts';
import { isCode } from '../lib/objects/files.ts';
import type { ObjectStore } from '../lib/objects/store.ts';

/**
 * What another program published before this line did, and an operator had taken over: files below `dir`, which mirrors
 * hold and keep. They are objects from then on as any other; what has no name that can be published is told and left out.
 */
export async function readInherited(
  dir: string,
  objects: ObjectStore,
  log: Log,
): Promise<readonly PublicationEntry[]> {
  const entries: PublicationEntry[] = [];
  for await (const name of filesIn(dir, '')) {
    const path = publishedAs(name);
    if (path === undefined) {
      log.warning('of what was published before, a file is left out: no name that can be published', {
        path: name,
      });
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

function publishedAs(name: string): PublicationPath | undefined {
  try {
    return parsePublicationPath(name);
  } catch {
    return undefined;
  }
}

async function* filesIn(dir: string, folder: string): AsyncIterable<string> {
  const items = await readdir(join(dir, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (folder === '' && isCode(error, 'ENOENT')) return [];
    throw error;
  });
  for (const item of items.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? item.name : `${folder}/${item.name}`;
    if (item.isDirectory()) yield* filesIn(dir, path);
    else if (item.isFile()) yield path;
  }
}
