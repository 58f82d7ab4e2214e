import { chmod, link, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isCode, syncFolder, writeSynced } from './files.ts';

/** Small files that are whole and on the disk, or not there. */

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Replaces a file, which has this mode whatever the umask is; one writer at a time. */
export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.new`;
  await writeSynced(temporary, text, { flags: 'w' });
  await chmod(temporary, mode);
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/**
 * Makes a file unless it is there already, whoever else makes it at the same time; returns what it holds then. What a killed
 * process left of it, a private key maybe, is removed.
 */
export async function makeFile(path: string, text: string): Promise<string> {
  await removeLeft(path);
  const temporary = `${path}.${process.pid}.new`;
  await writeSynced(temporary, text, { flags: 'w' });
  try {
    await link(temporary, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(temporary);
  }
  await syncFolder(dirname(path));
  return readFile(path, 'utf8');
}

async function removeLeft(path: string): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    const [, pid] = (name.startsWith(prefix) && /^(\d+)\.new$/.exec(name.slice(prefix.length))) || [];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(dirname(path), name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
}
