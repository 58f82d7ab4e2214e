import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** ar(5): a magic line, then for each member 16 bytes of name, 12 of decimal modification time, and so on. */
const magic = '!<arch>\n';
const timeAt = magic.length + 16;
const timeLength = 12;
export const debHeadBytes = timeAt + timeLength;
/** The year 2200: a later time is a mistake. */
const maxTime = 7_258_118_400;

/** When a package says that it was built, from the first bytes of its .deb; 0 if they do not say. Seconds since 1970. */
export function timeOfDeb(head: Uint8Array): number {
  const text = Buffer.from(head.subarray(0, debHeadBytes)).toString('latin1');
  if (!text.startsWith(magic)) return 0;
  const digits = text.slice(timeAt, debHeadBytes);
  if (!/^\d{1,12} *$/.test(digits)) return 0;
  const time = Number(digits.trim());
  return time <= maxTime ? time : 0;
}

/** The newest of a folder's packages: a time that depends on nothing but them. */
export async function newestDeb(folder: string): Promise<number> {
  let newest = 0;
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.deb')) continue;
    const file = await open(join(folder, name), 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(debHeadBytes), 0, debHeadBytes, 0);
      newest = Math.max(newest, timeOfDeb(buffer.subarray(0, bytesRead)));
    } finally {
      await file.close();
    }
  }
  return newest;
}
