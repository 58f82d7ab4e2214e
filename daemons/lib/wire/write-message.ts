import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { type Clock, workIsDone } from '../daemon/clock.ts';
import { ByteWriter } from './byte-writer.ts';
import { DeadBuffers } from './dead-buffers.ts';
import {
  frameHeadBytes,
  frameKinds,
  maxDataBytes,
  openBytes,
  signOfLifeMs,
  unknownSize,
  WireError,
} from './format.ts';
import { encodeHeader } from './header.ts';
import type { OutgoingObject } from './objects.ts';
import { ReplyError } from './reply-error.ts';

export interface WriteOptions {
  readonly clock: Clock;
  /** How often IDLE is sent while there is nothing else to send. */
  readonly idleMs?: number;
  /** A peer that takes nothing for so long is lost; without it somebody else watches. */
  readonly stallMs?: number;
  /** Told whenever the peer took what was written. */
  readonly onProgress?: () => void;
}

/**
 * Writes one message and leaves the stream open. `objects` that are a list are counted into the header; for any other
 * iterable the header says how many there will be. A source that fails becomes FAIL, and its error is thrown.
 */
export async function writeMessage(
  out: Writable,
  header: object,
  objects: readonly OutgoingObject[] | AsyncIterable<OutgoingObject>,
  options: WriteOptions,
): Promise<void> {
  const count = Array.isArray(objects) ? objects.length : ((header as { objects?: number }).objects ?? 0);
  const writer = new ByteWriter(out, options);
  try {
    await writer.write(encodeHeader(count === 0 ? header : { ...header, objects: count }));
    if (count > 0) await writeFrames(writer, objects, count, options);
  } finally {
    writer.release();
  }
}

async function writeFrames(
  writer: ByteWriter,
  objects: readonly OutgoingObject[] | AsyncIterable<OutgoingObject>,
  count: number,
  options: WriteOptions,
): Promise<void> {
  const over = new AbortController();
  void keepAlive(writer, options, over.signal);
  try {
    let index = 0;
    for await (const object of objects) {
      if (index === count) throw new WireError('protocol', `more than the ${count} objects announced`);
      await writeObject(writer, index, object);
      index += 1;
    }
    if (index < count) throw new WireError('protocol', `${index} objects of the ${count} announced`);
    await writer.write(frame(frameKinds.end));
  } catch (error) {
    if (!writer.broken) await writer.write(failFrame(error));
    throw error;
  } finally {
    over.abort(workIsDone);
  }
}

async function writeObject(writer: ByteWriter, index: number, object: OutgoingObject): Promise<void> {
  const open = Buffer.alloc(openBytes);
  open.writeUInt32BE(index, 0);
  open.writeBigUInt64BE(object.size === undefined ? unknownSize : BigInt(object.size), 4);
  await writer.write(frame(frameKinds.open, open));
  const hash = createHash('sha256');
  const dead = new DeadBuffers();
  let sent = 0;
  for await (const chunk of object.bytes()) {
    sent += chunk.length;
    if (object.size !== undefined && sent > object.size) break;
    hash.update(chunk);
    for (let at = 0; at < chunk.length; at += maxDataBytes) {
      const piece = chunk.subarray(at, at + maxDataBytes);
      await writer.write(frameHead(frameKinds.data, piece.length), piece);
      dead.passed(piece.length);
    }
  }
  if (object.size !== undefined && sent !== object.size) {
    throw new WireError('protocol', `object ${index} does not have the ${object.size} bytes announced`);
  }
  await writer.write(frame(frameKinds.close, hash.digest()));
}

/** An early end of it is the writer's to tell. */
async function keepAlive(writer: ByteWriter, options: WriteOptions, over: AbortSignal): Promise<void> {
  const everyMs = options.idleMs ?? signOfLifeMs;
  while (!over.aborted && !writer.broken) {
    const left = writer.lastWrite + everyMs - options.clock.monotonic();
    if (left > 0) await options.clock.sleep(left, over).catch(() => {});
    else if (writer.blocked) await options.clock.sleep(everyMs, over).catch(() => {});
    else await writer.write(frame(frameKinds.idle)).catch(() => {});
  }
}

function frameHead(kind: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(frameHeadBytes);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(length, 1);
  return head;
}

function frame(kind: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([frameHead(kind, payload.length), payload]);
}

/** Only an error that was meant for the peer is told to it. */
function failFrame(error: unknown): Buffer {
  const told =
    error instanceof ReplyError
      ? { error: error.code, say: error.say }
      : { error: 'internal', say: 'the sender could not produce what it was to send' };
  return frame(frameKinds.fail, Buffer.from(JSON.stringify(told)));
}
