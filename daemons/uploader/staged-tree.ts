import { link, lstat, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PublicationEntry } from '../lib/contracts/documents/publication.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import {
  type PublicationPath,
  parsePublicationPath,
  publicationPathOf,
  type Sha256,
} from '../lib/domain/names.ts';
import { readIfThere, replaceFile } from '../lib/objects/durable-file.ts';
import { ObjectStore } from '../lib/objects/store.ts';

/** The folder below which everything published lies, here and on the mirror: the seed's. */
export const publishedRoot = 'rebuild';

/** A publication that no folder tree can hold. */
export class StageError extends Error {
  override readonly name = 'StageError';
  readonly code = 'protocol';
}

/**
 * The publication as files: `rebuild/PATH`, each a second name of an object kept by its hash. That two names are one
 * file says what a path holds without reading it; a path changes by rename; objects outlive a failed upload.
 */
export class StagedTree {
  private constructor(
    /** Holds `rebuild/` and `objects/`, on one file system. */
    readonly dir: string,
    readonly objects: ObjectStore,
  ) {}

  static async open(dir: string, clock: Clock): Promise<StagedTree> {
    await mkdir(join(dir, publishedRoot), { recursive: true });
    return new StagedTree(dir, await ObjectStore.open(join(dir, 'objects'), { clock }));
  }

  /** What the publication names and is not kept yet, each once. */
  async lacks(entries: readonly PublicationEntry[]): Promise<Sha256[]> {
    const lacked: Sha256[] = [];
    for (const sha256 of new Set(entries.map((entry) => entry.sha256))) {
      if (!(await this.objects.has(sha256))) lacked.push(sha256);
    }
    return lacked;
  }

  /** Makes the tree what `entries` say; every object must be kept. Run again after a crash, it ends the same. */
  async become(entries: readonly PublicationEntry[]): Promise<void> {
    checkNesting(entries);
    const root = join(this.dir, publishedRoot);
    const wanted = new Set<string>(entries.map(({ path }) => path));
    const gone = [...(await this.gone()), ...(await others(root, '', wanted))];
    await this.#noteGone(gone.filter((path) => !wanted.has(path)));
    await removeOthers(root, '', wanted);
    const made = new Set<string>();
    for (const { path, sha256 } of entries) {
      const place = join(root, path);
      const object = this.objects.path(sha256);
      if (await isSameFile(place, object)) continue;
      const folder = dirname(place);
      if (!made.has(folder)) {
        await mkdir(folder, { recursive: true });
        made.add(folder);
      }
      const temporary = join(this.dir, 'next');
      await rm(temporary, { force: true });
      await link(object, temporary);
      await rename(temporary, place);
    }
  }

  /** What left the publication and mirrors may still hold. */
  async gone(): Promise<readonly PublicationPath[]> {
    const text = await readIfThere(this.#gonePath);
    return (text ?? '').split('\n').filter(Boolean).map(parsePublicationPath);
  }

  /** Mirrors have heard of all that left. */
  async forgetGone(): Promise<void> {
    await rm(this.#gonePath, { force: true });
  }

  get #gonePath(): string {
    return join(this.dir, 'gone');
  }

  async #noteGone(paths: readonly PublicationPath[]): Promise<void> {
    const text = [...new Set(paths)].sort().join('\n');
    if (text !== ((await readIfThere(this.#gonePath)) ?? '')) await replaceFile(this.#gonePath, text);
  }

  /** Lets go of objects that the publication no longer names. */
  async forgetOthers(entries: readonly PublicationEntry[]): Promise<void> {
    const named = new Set<Sha256>(entries.map(({ sha256 }) => sha256));
    for await (const { sha256 } of this.objects.list()) if (!named.has(sha256)) this.objects.delete(sha256);
  }
}

/** A path cannot be a file and the folder of another; and no path may stand twice. */
function checkNesting(entries: readonly PublicationEntry[]): void {
  const files = new Set<PublicationPath>();
  for (const { path } of entries) {
    if (files.has(path)) throw new StageError(`publication: ${path} stands twice`);
    files.add(path);
  }
  for (const { path } of entries) {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      if (files.has(path.slice(0, cut) as PublicationPath)) {
        throw new StageError(`publication: ${path.slice(0, cut)} is a file and a folder`);
      }
    }
  }
}

/** Files of the tree that are not wanted. */
async function others(
  root: string,
  folder: string,
  wanted: ReadonlySet<string>,
): Promise<readonly PublicationPath[]> {
  const found: PublicationPath[] = [];
  for (const item of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? item.name : `${folder}/${item.name}`;
    if (item.isDirectory()) found.push(...(await others(root, path, wanted)));
    else if (!wanted.has(path)) {
      // What somebody else left in the tree under a name that no publication has was never sent.
      const published = publicationPathOf(path);
      if (published !== undefined) found.push(published);
    }
  }
  return found;
}

/** Removes files that are not wanted and folders that thereby hold nothing; says whether `folder` still holds any. */
async function removeOthers(root: string, folder: string, wanted: ReadonlySet<string>): Promise<boolean> {
  let left = false;
  for (const item of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? item.name : `${folder}/${item.name}`;
    if (item.isDirectory()) {
      if (await removeOthers(root, path, wanted)) left = true;
      else await rmdir(join(root, path));
    } else if (wanted.has(path)) left = true;
    else await rm(join(root, path));
  }
  return left;
}

async function isSameFile(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([identity(left), identity(right)]);
  return a !== undefined && a === b;
}

async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
