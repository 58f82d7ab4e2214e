import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NetError } from './errors.ts';

export function isLocal(uri: string): boolean {
  return /^(?:file|copy):/i.test(uri);
}

/**
 * A file named by `file:/path`, `file:///path` or the same with `copy:`.
 *
 * @throws NetError `not-found`, `refused` or `unsupported`
 */
export async function openLocal(uri: string): Promise<{ size: number; bytes: AsyncIterable<Buffer> }> {
  const path = localPath(uri);
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new NetError('refused', uri, 'is not a plain file');
    return { size: found.size, bytes: createReadStream(path, { highWaterMark: 262_144 }) };
  } catch (cause) {
    if (cause instanceof NetError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const say = missing ? 'there is no such file' : 'it cannot be read';
    throw new NetError(missing ? 'not-found' : 'refused', uri, say, { cause });
  }
}

function localPath(uri: string): string {
  try {
    return fileURLToPath(`file:${uri.slice(uri.indexOf(':') + 1)}`);
  } catch (cause) {
    throw new NetError('unsupported', uri, 'does not name a local file', { cause });
  }
}
