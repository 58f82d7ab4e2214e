import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Sha256 } from '../domain/names.ts';
import { maxDataBytes } from './format.ts';

/** Bytes to be sent. `bytes` may be called again: what was lost on the way is sent a second time. */
export interface OutgoingObject {
  /** Checked against what `bytes` yields; absent when nobody knows it yet. */
  readonly size?: number;
  bytes(): AsyncIterable<Uint8Array>;
}

/** Bytes that arrive. Exactly one of `bytes`, `drain`, `saveTo` and `buffer` is used, once. */
export interface IncomingObject {
  readonly index: number;
  /** As announced, within the contract's cap. */
  readonly size: number | undefined;
  /** Pieces of at most 65,536 bytes, not verified until the last of them has arrived. */
  readonly bytes: AsyncIterable<Buffer>;
  /** Settles once every byte has arrived and size and hash are as announced. */
  readonly sha256: Promise<Sha256>;
  /** Reads on to the object's end and checks it. */
  drain(): Promise<void>;
  /** Writes a new file (it must not exist, mode 0600); a file that could not be written whole is removed. */
  saveTo(path: string): Promise<{ sha256: Sha256; size: number }>;
  /** The object in memory; `too-large` if it has more than `max` bytes. */
  buffer(max: number): Promise<Buffer>;
}

export function bufferObject(buffer: Uint8Array): OutgoingObject {
  return {
    size: buffer.length,
    async *bytes() {
      if (buffer.length > 0) yield buffer;
    },
  };
}

/** A file; its size is asked for if it is not given. */
export async function sizedFileObject(path: string): Promise<OutgoingObject> {
  return fileObject(path, (await stat(path)).size);
}

export function fileObject(path: string, size?: number): OutgoingObject {
  return {
    ...(size === undefined ? {} : { size }),
    bytes: () => createReadStream(path, { highWaterMark: maxDataBytes }),
  };
}
