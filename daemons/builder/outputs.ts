import { constants } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { PoolFileName } from '../lib/domain/names.ts';
import { bufferObject, type OutgoingObject } from '../lib/wire/frame.ts';
import { BuildFailure } from './failure.ts';

/** What a build left: foreign names and foreign files, looked at only after all its processes are gone. */

const maxLinks = 40;
const maxExtra = 1_000;
const maxExtraName = 255;

export interface Outputs {
  /** Where the expected files are; null for one that was not made. In the order expected. */
  readonly files: readonly (string | null)[];
  /** Names of other files. */
  readonly extra: readonly string[];
}

/**
 * Finds the expected files in a folder of the build's root. Only a regular file with one name counts: a link of either
 * kind, a FIFO, a device or a folder under an expected name fails the build.
 *
 * @param maxBytes that the expected files together may have
 */
export async function findOutputs(
  folder: string,
  expected: readonly PoolFileName[],
  known: ReadonlySet<string>,
  maxBytes: number,
): Promise<Outputs> {
  const wanted = new Set<string>(expected);
  const there = new Set(await readdir(folder));
  const files: (string | null)[] = [];
  let bytes = 0;
  for (const name of expected) {
    if (!there.has(name)) {
      files.push(null);
      continue;
    }
    const path = join(folder, name);
    const found = await lstat(path);
    if (!found.isFile() || found.nlink !== 1) {
      throw new BuildFailure('build-failed', `the build left something other than a plain file as ${name}`);
    }
    bytes += found.size;
    files.push(path);
  }
  if (bytes > maxBytes) {
    throw new BuildFailure('too-large', `the build made ${bytes} bytes, the limit is ${maxBytes}`);
  }
  const extra = [...there].filter((name) => !wanted.has(name) && !known.has(name)).sort();
  return { files, extra: extra.slice(0, maxExtra).map((name) => name.slice(0, maxExtraName)) };
}

/** A file that was made as object of the reply, an empty one for a file that was not. */
export function outputObject(path: string | null): OutgoingObject {
  return path === null ? bufferObject(Buffer.alloc(0)) : { bytes: () => readPlain(path) };
}

async function* readPlain(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  yield* file.createReadStream({ highWaterMark: 65_536 });
}

/**
 * The real place of an absolute path of a root that foreign code has written to: symbolic links, absolute ones too, are
 * followed inside the root and never out of it.
 *
 * @throws BuildFailure `build-failed` when the path is not there or its links have no end
 */
export async function insideRoot(root: string, path: string): Promise<string> {
  const todo = path.split('/').reverse();
  const done: string[] = [];
  for (let links = 0; todo.length > 0; ) {
    const part = todo.pop();
    if (part === undefined || part === '' || part === '.') continue;
    if (part === '..') {
      done.pop();
      continue;
    }
    const here = join(root, ...done, part);
    const target = await linkTarget(here, path);
    if (target === undefined) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > maxLinks) throw new BuildFailure('build-failed', `${path} is a maze of links`);
    if (target.startsWith('/')) done.length = 0;
    todo.push(...target.split('/').reverse());
  }
  return join(root, ...done);
}

async function linkTarget(here: string, path: string): Promise<string | undefined> {
  try {
    return (await lstat(here)).isSymbolicLink() ? await readlink(here) : undefined;
  } catch (error) {
    throw new BuildFailure('build-failed', `the build removed ${path}`, { cause: error });
  }
}
