import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** sizeof(sun_path), less its NUL. */
const maxSocketPath = 107;

/** Runs `use` with a path that fits a UNIX socket's address and leads to the same place, however long `path` is. */
export async function withSocketPath<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= maxSocketPath) return use(path);
  const folder = await open(dirname(path), 'r');
  try {
    return await use(`/proc/self/fd/${folder.fd}/${basename(path)}`);
  } finally {
    await folder.close();
  }
}
