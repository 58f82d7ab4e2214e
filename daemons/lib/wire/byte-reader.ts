import type { Readable } from 'node:stream';
import { WireError } from './format.ts';
import type { Liveness } from './liveness.ts';

const nothing = Buffer.alloc(0);

/** Pulls bytes from a stream: never more than what the stream buffers is held. */
export class ByteReader {
  #held: Buffer = nothing;
  #ended = false;
  #failure: WireError | undefined;
  #wake: (() => void) | undefined;
  readonly #input: Readable;
  readonly #liveness: Liveness;

  /** @param endsEarly what the stream's end means where more was due */
  constructor(
    input: Readable,
    liveness: Liveness,
    readonly endsEarly: 'protocol' | 'lost' = 'protocol',
  ) {
    this.#input = input;
    this.#liveness = liveness;
    input.on('readable', this.#onReadable);
    input.on('end', this.#onEnd);
    input.on('error', this.#onError);
    input.on('close', this.#onClose);
    if (input.errored) this.#onError(input.errored);
    else if (input.readableEnded) this.#ended = true;
    else if (input.destroyed) this.#onClose();
  }

  /** What is there, at most `max` bytes; waits for the first of them; undefined at the stream's end. */
  async some(max: number): Promise<Buffer | undefined> {
    while (this.#held.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      this.#held = this.#input.read() ?? nothing;
      if (this.#held.length > 0) this.#liveness.heard();
      else await this.#wait();
    }
    const taken = this.#held.subarray(0, max);
    this.#held = this.#held.subarray(taken.length);
    return taken;
  }

  /** Exactly `count` bytes, a small number; throws `endsEarly` at the stream's end before them. */
  async exactly(count: number, what: string): Promise<Buffer> {
    const first = await this.some(count);
    if (first?.length === count) return first;
    const parts = first === undefined ? [] : [first];
    for (let have = first?.length ?? 0; have < count; ) {
      const part = await this.some(count - have);
      if (part === undefined) throw new WireError(this.endsEarly, `the stream ended inside ${what}`);
      parts.push(part);
      have += part.length;
    }
    return Buffer.concat(parts, count);
  }

  /** Gives bytes back that were read too far. */
  unread(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([bytes, this.#held]);
  }

  /** Leaves the stream to somebody else, with the bytes not yet used back in it. */
  release(): void {
    this.#input.off('readable', this.#onReadable);
    this.#input.off('end', this.#onEnd);
    this.#input.off('close', this.#onClose);
    if (this.#held.length > 0) this.#input.unshift(this.#held);
    this.#held = nothing;
  }

  /** From now on whatever comes is thrown away, without waiting; `found` is told of it. */
  discard(found: (bytes: Buffer) => void): void {
    const take = () => {
      if (this.#held.length > 0) found(this.#held);
      for (let bytes = this.#input.read(); bytes !== null; bytes = this.#input.read()) found(bytes);
      this.#held = nothing;
    };
    this.#input.off('readable', this.#onReadable);
    this.#input.on('readable', take);
    if (!this.#input.destroyed) take();
  }

  #wait(): Promise<void> {
    if (this.#ended || this.#failure !== undefined) return Promise.resolve();
    this.#liveness.waiting(true);
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        this.#liveness.waiting(false);
        resolve();
      };
    });
  }

  readonly #onReadable = () => this.#wake?.();
  readonly #onEnd = () => {
    this.#ended = true;
    this.#wake?.();
  };
  readonly #onError = (error: Error) => {
    this.#failure ??=
      error instanceof WireError
        ? error
        : new WireError('lost', `the connection broke: ${error.message}`, { cause: error });
    this.#wake?.();
  };
  readonly #onClose = () => {
    if (!this.#ended) this.#failure ??= new WireError('lost', 'the connection was closed');
    this.#wake?.();
  };
}
