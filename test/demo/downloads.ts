import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

/** Reads a file of the machine's mirror, over http, https or from a folder; undefined when it is not there. */
export function openDownloads(): (url: string) => Promise<Readable | undefined> {
  return async (url) => {
    if (url.startsWith('file:') || url.startsWith('copy:')) {
      const path = new URL(url.replace(/^copy:/, 'file:')).pathname;
      return access(path).then(
        () => createReadStream(path),
        () => undefined,
      );
    }
    const reply = await fetch(url);
    return reply.ok && reply.body ? Readable.fromWeb(reply.body as ReadableStream) : undefined;
  };
}
