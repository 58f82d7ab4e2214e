import type { Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** What a store asks of the file system. */

export async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Writes a file to the disk: a new one (`wx`), or also over what is left of one (`w`). Its folder is not synced. */
export async function writeSynced(
  path: string,
  content: string | Uint8Array,
  { flags, mode = 0o600 }: Readonly<{ flags: 'wx' | 'w'; mode?: number }>,
): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether another process of that number runs. */
export function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
