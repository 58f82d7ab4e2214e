import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../lib/domain/names.ts';
import type { ObjectStore } from '../lib/objects/store.ts';
import type { JobId } from './ids.ts';

/** Bytes kept of one lease's live log; what a worker sends beyond is dropped. */
export const maxLiveLog = 256 * 1_048_576;

/** The logs of jobs that run: one file a lease, written at the offsets that renewals give, so that repeating is harmless. */
export class LiveLogs {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Opens the folder; logs that `isHeld` does not know are left over and removed. */
  static async open(dir: string, isHeld: (job: JobId, fence: number) => Promise<boolean>): Promise<LiveLogs> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(dir)) {
      const [, job = '', fence = ''] = /^(.+)\.(\d+)$/.exec(name) ?? [];
      if (!(await isHeld(job, Number(fence)))) await rm(join(dir, name), { force: true });
    }
    return new LiveLogs(dir);
  }

  /** Writes the log's bytes from `offset` on; what lies beyond the cap, or would leave a gap, is dropped. */
  async append(job: JobId, fence: number, offset: number, bytes: Uint8Array): Promise<void> {
    const kept = bytes.subarray(0, Math.max(0, maxLiveLog - offset));
    if (kept.length === 0 || offset > ((await this.size(job, fence)) ?? 0)) return;
    const file = await open(this.path(job, fence), 'a+').then(async (created) => {
      await created.close();
      return open(this.path(job, fence), 'r+');
    });
    try {
      for (let at = 0; at < kept.length; ) {
        at += (await file.write(kept, at, kept.length - at, offset + at)).bytesWritten;
      }
    } finally {
      await file.close();
    }
  }

  /** Bytes of a log so far, or undefined where none came yet. */
  async size(job: JobId, fence: number): Promise<number | undefined> {
    return (await stat(this.path(job, fence)).catch(() => undefined))?.size;
  }

  /** Stores a log as an object, as long as its job ended without one of its own. */
  async keep(job: JobId, fence: number, objects: ObjectStore): Promise<Sha256 | null> {
    if ((await this.size(job, fence)) === undefined) return null;
    return (await objects.putFile(this.path(job, fence), maxLiveLog)).sha256;
  }

  async remove(job: JobId, fence: number): Promise<void> {
    await rm(this.path(job, fence), { force: true });
  }

  /** Job ids have a closed alphabet without `/`. */
  path(job: JobId, fence: number): string {
    return join(this.#dir, `${job}.${fence}`);
  }
}

/** A file's bytes from `from` up to `to`, as they are sent. */
export function sliceOf(
  path: string,
  from: number,
  to: number,
): { size: number; bytes(): AsyncIterable<Buffer> } {
  if (from >= to) return { size: 0, bytes: none };
  return { size: to - from, bytes: () => createReadStream(path, { start: from, end: to - 1 }) };
}

async function* none(): AsyncGenerator<Buffer> {}
