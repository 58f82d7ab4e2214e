import { randomUUID } from 'node:crypto';
import { chmod, link, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode, syncFolder } from '../lib/objects/files.ts';
import { CommandError } from './errors.ts';

/**
 * Writes a file whole or not at all (temporary file, fsync, rename); tells whether it replaced one. A symbolic link stays
 * and its target is replaced, with the mode that it had.
 *
 * @throws CommandError when the file is there and may not be replaced, or cannot be written
 */
export async function writeWhole(
  path: string,
  text: string,
  { replace }: Readonly<{ replace: boolean }>,
): Promise<{ replaced: boolean }> {
  try {
    const target = await realpath(path).catch(() => path);
    const mode = await stat(target).then(
      (found) => found.mode & 0o777,
      () => undefined,
    );
    const temporary = `${target}.${randomUUID()}.tmp`;
    try {
      await writeSynced(temporary, text);
      if (mode !== undefined) await chmod(temporary, mode);
      if (replace) await rename(temporary, target);
      else await link(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(dirname(target));
    return { replaced: mode !== undefined };
  } catch (error) {
    throw explained(path, error);
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function explained(path: string, error: unknown): CommandError {
  if (isCode(error, 'EEXIST')) {
    return new CommandError(`${path}: is there already`, 'Name another file, or replace it: --force.');
  }
  const reason = (error as NodeJS.ErrnoException).code ?? String(error);
  return new CommandError(`${path}: cannot be written (${reason})`, undefined, undefined, { cause: error });
}
