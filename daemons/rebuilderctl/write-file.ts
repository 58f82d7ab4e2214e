import { randomUUID } from 'node:crypto';
import { chmod, chown, link, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isCode, syncFolder, writeSynced } from '../lib/objects/files.ts';
import { CommandError } from './errors.ts';

export interface WriteOptions {
  readonly replace: boolean;
  /** Of a file that was there: the mode that it had, unless told; of a new one as the umask has it. */
  readonly mode?: number;
}

/**
 * Writes a file whole or not at all (temporary file, fsync, rename); tells whether it replaced one. A symbolic link stays
 * and its target is replaced, with the owner and mode that it had.
 *
 * @throws CommandError when the file is there and may not be replaced, or cannot be written
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  { replace, mode }: WriteOptions,
): Promise<{ replaced: boolean }> {
  try {
    const target = await realpath(path).catch(() => path);
    const found = await stat(target).catch(() => undefined);
    const wanted = mode ?? (found === undefined ? undefined : found.mode & 0o777);
    const temporary = `${target}.${randomUUID()}.tmp`;
    try {
      // Nobody shall read in it what the file itself will not show.
      await writeSynced(temporary, content, { flags: 'wx', mode: wanted === undefined ? 0o666 : 0o600 });
      if (found !== undefined) await giveTo(temporary, found);
      if (wanted !== undefined) await chmod(temporary, wanted);
      if (replace) await rename(temporary, target);
      else await link(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(dirname(target));
    return { replaced: found !== undefined };
  } catch (error) {
    throw explained(path, error);
  }
}

/** Removes what a `writeWhole` of this file left beside it that was killed. */
export async function removeLeftovers(path: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const names = await readdir(dirname(target)).catch(() => []);
  const left = names.filter(
    (name) =>
      name.startsWith(`${basename(target)}.`) &&
      /^\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.test(name.slice(basename(target).length)),
  );
  for (const name of left) await rm(join(dirname(target), name), { force: true });
}

/** Only root may give a file away; whoever else may replace it owns the new one. */
async function giveTo(path: string, { uid, gid }: Readonly<{ uid: number; gid: number }>): Promise<void> {
  try {
    await chown(path, uid, gid);
  } catch (error) {
    if (!isCode(error, 'EPERM')) throw error;
  }
}

function explained(path: string, error: unknown): CommandError {
  if (isCode(error, 'EEXIST')) {
    return new CommandError(`${path}: is there already`, 'Name another file, or replace it: --force.');
  }
  const reason = (error as NodeJS.ErrnoException).code ?? String(error);
  return new CommandError(`${path}: cannot be written (${reason})`, undefined, undefined, { cause: error });
}
