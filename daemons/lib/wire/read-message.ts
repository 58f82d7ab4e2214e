import { createHash, type Hash, timingSafeEqual } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Clock } from '../daemon/clock.ts';
import { writeGathered } from '../daemon/gather.ts';
import { parseSha256, type Sha256 } from '../domain/names.ts';
import { ByteReader } from './byte-reader.ts';
import { DeadBuffers } from './dead-buffers.ts';
import {
  digestBytes,
  frameHeadBytes,
  frameKinds,
  maxDataBytes,
  maxFailBytes,
  openBytes,
  unknownSize,
  WireError,
} from './format.ts';
import { readHeader } from './header.ts';
import { Liveness } from './liveness.ts';
import type { IncomingObject } from './objects.ts';

export interface ReadCaps {
  readonly clock: Clock;
  readonly maxObjects: number;
  readonly maxObjectBytes: number;
  readonly silenceMs?: number;
  readonly firstSilenceMs?: number;
  /** The header that an empty input stands for; without it an empty input is a lost peer. */
  readonly emptyHeader?: object;
  /** Told of signs of life other than bytes of this message. */
  readonly liveness?: Liveness;
  /** What the stream's end before the message's means: `protocol` unless told. */
  readonly endsEarly?: 'protocol' | 'lost';
  /** Called once if the message breaks after its header. */
  readonly onFailure?: () => void;
}

export interface IncomingMessage {
  /** A JSON object, checked for nothing but its size, its depth and its `objects`. */
  readonly untrustedHeader: unknown;
  /** In order. Going on to the next reads what is left of the one before; a loop that was left can be entered again. */
  readonly objects: AsyncIterable<IncomingObject>;
  /** Reads what is left of the message and checks it. */
  drain(): Promise<void>;
  /** `drain`, then waits for the stream's end: bytes before it are `protocol`. */
  finish(): Promise<void>;
  /** `drain`, then throws away what follows; whether anything followed so far is in `trailing`. */
  guard(): Promise<void>;
  readonly trailing: boolean;
}

/** Reads a header; its objects are read as the caller asks for them. Throws a `WireError`. */
export async function readMessage(input: Readable, caps: ReadCaps): Promise<IncomingMessage> {
  const liveness = caps.liveness ?? new Liveness({ ...caps, onLost: (error) => void input.destroy(error) });
  const reader = new ByteReader(input, liveness, caps.endsEarly);
  try {
    const untrustedHeader = (await readHeader(reader)) ?? caps.emptyHeader;
    if (untrustedHeader === undefined) throw new WireError('lost', 'the stream ended before a message began');
    const count = objectCount(untrustedHeader);
    if (count > caps.maxObjects) {
      throw new WireError('too-large', `${count} objects announced, at most ${caps.maxObjects} allowed`);
    }
    return new Message(reader, liveness, untrustedHeader, count, caps);
  } catch (error) {
    liveness.close();
    reader.discard(() => {});
    throw error;
  }
}

function objectCount(untrustedHeader: object): number {
  const count = (untrustedHeader as { objects?: unknown }).objects;
  if (count === undefined) return 0;
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 1) {
    throw new WireError('protocol', 'header.objects is not a count of at least 1');
  }
  return count;
}

class Message implements IncomingMessage {
  readonly objects: AsyncIterable<IncomingObject>;
  trailing = false;
  #next = 0;
  #current: Incoming | undefined;
  #ended: boolean;
  failure: unknown;
  readonly dead = new DeadBuffers();
  readonly maxObjectBytes: number;

  constructor(
    readonly reader: ByteReader,
    readonly liveness: Liveness,
    readonly untrustedHeader: unknown,
    readonly count: number,
    readonly caps: ReadCaps,
  ) {
    this.maxObjectBytes = caps.maxObjectBytes;
    this.#ended = count === 0;
    if (this.#ended) liveness.close();
    this.objects = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const value = await this.#advance();
          return value === undefined ? { done: true, value } : { done: false, value };
        },
      }),
    };
  }

  async drain(): Promise<void> {
    while ((await this.#advance()) !== undefined);
  }

  async finish(): Promise<void> {
    await this.drain();
    for (let bytes = await this.reader.some(1); bytes !== undefined; bytes = await this.reader.some(1)) {
      this.#check(bytes);
    }
  }

  async guard(): Promise<void> {
    await this.drain();
    this.reader.discard((bytes) => {
      this.trailing ||= !(this.count === 0 && bytes.every((byte) => byte === 0x0a));
    });
  }

  /** Line feeds may follow a header that stands alone: people type them. */
  #check(bytes: Buffer): void {
    if (this.count === 0 && bytes.every((byte) => byte === 0x0a)) return;
    throw new WireError('protocol', 'bytes after the end of the message');
  }

  async #advance(): Promise<IncomingObject | undefined> {
    if (this.failure !== undefined) throw this.failure;
    if (this.#ended) return undefined;
    try {
      await this.#current?.drain();
      if (this.#next === this.count) {
        await this.#expect(frameKinds.end, 0, 'END');
        this.#ended = true;
        this.liveness.close();
        return undefined;
      }
      const payload = await this.#expect(frameKinds.open, openBytes, 'OPEN');
      if (payload.readUInt32BE(0) !== this.#next) throw new WireError('protocol', 'objects are out of order');
      this.#current = new Incoming(this, this.#next, this.#announced(payload.readBigUInt64BE(4)));
      this.#next += 1;
      return this.#current;
    } catch (error) {
      throw this.fail(error);
    }
  }

  #announced(size: bigint): number | undefined {
    if (size === unknownSize) return undefined;
    if (size > BigInt(this.maxObjectBytes)) {
      throw new WireError('too-large', `an object of ${size} bytes, at most ${this.maxObjectBytes} allowed`);
    }
    return Number(size);
  }

  /** After the first failure nothing more of the message is believed. */
  fail(error: unknown): unknown {
    if (this.failure !== undefined) return this.failure;
    this.failure = error;
    this.liveness.close();
    this.caps.onFailure?.();
    return error;
  }

  async #expect(kind: number, length: number, name: string): Promise<Buffer> {
    const frame = await this.frame();
    if (frame.kind !== kind || frame.length !== length) {
      throw new WireError('protocol', `frame ${frame.kind} of ${frame.length} bytes where ${name} is due`);
    }
    return length === 0 ? Buffer.alloc(0) : this.reader.exactly(length, `a frame ${name}`);
  }

  /** The head of the next frame that is not IDLE; FAIL is thrown. */
  async frame(): Promise<{ kind: number; length: number }> {
    for (;;) {
      const head = await this.reader.exactly(frameHeadBytes, 'the frames');
      const kind = head.readUInt8(0);
      const length = head.readUInt32BE(1);
      if (kind === frameKinds.fail) throw await this.#peerFailure(length);
      if (kind !== frameKinds.idle) return { kind, length };
      if (length !== 0) throw new WireError('protocol', 'a frame IDLE that is not empty');
    }
  }

  async #peerFailure(length: number): Promise<WireError> {
    if (length > maxFailBytes) return new WireError('protocol', 'a frame FAIL that is too long');
    const payload = await this.reader.exactly(length, 'a frame FAIL');
    return new WireError('peer-failed', `the other side gave up: ${failureText(payload)}`);
  }
}

function failureText(untrustedPayload: Buffer): string {
  try {
    const { error, say } = JSON.parse(untrustedPayload.toString('utf8'));
    return `${String(error).slice(0, 40)}: ${String(say).slice(0, 500)}`;
  } catch {
    return 'it did not say why';
  }
}

class Incoming implements IncomingObject {
  readonly bytes: AsyncIterable<Buffer>;
  readonly sha256: Promise<Sha256>;
  readonly #hash: Hash = createHash('sha256');
  readonly #message: Message;
  #received = 0;
  #pending = 0;
  #closed = false;
  #settle!: { resolve: (sha256: Sha256) => void; reject: (error: unknown) => void };

  constructor(
    message: Message,
    readonly index: number,
    readonly size: number | undefined,
  ) {
    this.#message = message;
    this.sha256 = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.sha256.catch(() => {});
    this.bytes = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const value = await this.#piece();
          return value === undefined ? { done: true, value } : { done: false, value };
        },
      }),
    };
  }

  async drain(): Promise<void> {
    while ((await this.#piece()) !== undefined);
  }

  async saveTo(path: string): Promise<{ sha256: Sha256; size: number }> {
    const file = await open(path, 'wx', 0o600);
    try {
      await writeGathered(file, this.bytes);
      return { sha256: await this.sha256, size: this.#received };
    } catch (error) {
      await unlink(path).catch(() => {});
      throw error;
    }
  }

  async buffer(max: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    if ((this.size ?? 0) > max) throw tooLarge(max);
    for await (const piece of this.bytes) {
      if (this.#received > max) throw tooLarge(max);
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  async #piece(): Promise<Buffer | undefined> {
    if (this.#closed) return undefined;
    if (this.#message.failure !== undefined) throw this.#message.failure;
    try {
      while (this.#pending === 0) {
        const { kind, length } = await this.#message.frame();
        if (kind === frameKinds.data && length >= 1 && length <= maxDataBytes) this.#begin(length);
        else if (kind === frameKinds.close && length === digestBytes) return await this.#close();
        else throw new WireError('protocol', `frame ${kind} of ${length} bytes inside an object`);
      }
      const piece = await this.#message.reader.some(this.#pending);
      if (piece === undefined) {
        throw new WireError(this.#message.reader.endsEarly, 'the stream ended inside an object');
      }
      this.#pending -= piece.length;
      this.#message.dead.passed(piece.length);
      this.#hash.update(piece);
      return piece;
    } catch (error) {
      const failure = this.#message.fail(error);
      this.#settle.reject(failure);
      throw failure;
    }
  }

  #begin(length: number): void {
    this.#received += length;
    this.#pending = length;
    if (this.#received > this.#message.maxObjectBytes) throw tooLarge(this.#message.maxObjectBytes);
    if (this.size !== undefined && this.#received > this.size) {
      throw new WireError('protocol', 'an object longer than announced');
    }
  }

  async #close(): Promise<undefined> {
    const announced = await this.#message.reader.exactly(digestBytes, 'a frame CLOSE');
    if (this.size !== undefined && this.#received !== this.size) {
      throw new WireError('protocol', 'an object shorter than announced');
    }
    const digest = this.#hash.digest();
    if (!timingSafeEqual(digest, announced))
      throw new WireError('protocol', 'an object does not match its hash');
    this.#closed = true;
    this.#settle.resolve(parseSha256(digest.toString('hex')));
    return undefined;
  }
}

function tooLarge(max: number): WireError {
  return new WireError('too-large', `an object of more than ${max} bytes`);
}
