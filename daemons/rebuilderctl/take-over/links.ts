import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { run } from '../../lib/daemon/program.ts';
import { maxPublicationPath, parsePublicationPath } from '../../lib/domain/names.ts';
import { statOf } from '../../lib/objects/files.ts';
import { CommandError } from '../errors.ts';

/** A published tree as PackageRebuilder left it: links, and symbolic links between folders and files of it. */

const copyMs = 3_600_000;
const maxFiles = 1_000_000;

/** What others point at stays on the mirror by itself: pages, which are made anew by this line, and logs. */
const leftOut = /^[a-z]+\/(?:results|logs)(?:\/|$)/;

/**
 * The files of the tree by the paths under which they are served, symbolic links followed within it.
 * Throws a `CommandError` at one that leads out of it.
 */
export async function publishedFiles(root: string): Promise<readonly string[]> {
  const whole = await realpath(root);
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const name of (await readdir(join(root, folder))).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (leftOut.test(path)) continue;
      const real = await realpath(join(root, path)).catch(() => undefined);
      // A link that leads nowhere serves nothing.
      if (real === undefined) continue;
      if (relative(whole, real).startsWith('..')) {
        throw new CommandError(
          `${join(root, path)}: leads out of ${root}, to ${real}`,
          'take it out of there',
        );
      }
      const { isFile, isFolder } = await kindOf(real);
      // A link to a folder above would never end.
      if (isFolder && path.length < maxPublicationPath && !whole.concat('/', path).startsWith(`${real}/`))
        await visit(path);
      if (isFile && isPublishable(path)) found.push(path);
      if (found.length > maxFiles) throw new CommandError(`${root}: more than ${maxFiles} files`);
    }
  };
  await visit('');
  return found;
}

async function kindOf(path: string): Promise<{ isFile: boolean; isFolder: boolean }> {
  const found = await stat(path);
  return { isFile: found.isFile(), isFolder: found.isDirectory() };
}

function isPublishable(path: string): boolean {
  try {
    parsePublicationPath(path);
    return true;
  } catch {
    return false;
  }
}

/** Copies them, whole or not at all, for their new owner; false if that was done before. */
export async function copyPublished(
  root: string,
  files: readonly string[],
  to: string,
  owner: Readonly<{ uid: number; gid: number }>,
): Promise<boolean> {
  if ((await statOf(to)) !== undefined) return false;
  const fresh = `${to}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const file of files) {
    await mkdir(dirname(join(fresh, file)), { recursive: true });
    await copyFile(join(root, file), join(fresh, file), constants.COPYFILE_FICLONE);
    await chmod(join(fresh, file), 0o600);
  }
  await run('chown', ['-R', '-P', `${owner.uid}:${owner.gid}`, fresh], { timeoutMs: copyMs });
  await run('sync', ['--file-system', fresh], { timeoutMs: copyMs });
  await rename(fresh, to);
  return true;
}
