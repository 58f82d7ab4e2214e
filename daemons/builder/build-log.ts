import type { OutgoingObject } from '../lib/wire/frame.ts';

/** Bytes kept back while the wire takes none: the build then waits, as it would for a terminal. */
const maxWaiting = 1_048_576;
/** A build that writes so many times its log's cap is stopped. */
const floodFactor = 16;

/**
 * The log as it is written: capped, streamed to whoever called while the build still runs.
 * What goes beyond the cap is dropped, and a line says so.
 */
export class BuildLog {
  readonly #max: number;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #written = 0;
  #seen = 0;
  #full = false;
  #ended = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];

  /** @param max bytes that the log may have, its last line apart */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether so much was written that no end is to be expected. */
  get flooded(): boolean {
    return this.#seen > this.#max * floodFactor;
  }

  /** One line of our own. */
  async say(line: string): Promise<void> {
    await this.write(Buffer.from(`rebuilder: ${line}\n`));
  }

  /** Resolves when there is room for more. */
  async write(chunk: Buffer): Promise<void> {
    if (this.#ended) return;
    this.#seen += chunk.length;
    if (this.#full) return;
    if (this.#written + chunk.length > this.#max) {
      this.#full = true;
      this.#push(chunk.subarray(0, this.#max - this.#written));
      this.#push(Buffer.from(`\nrebuilder: ${this.#max} bytes of log are the limit: the rest is dropped\n`));
    } else {
      this.#push(chunk);
    }
    while (this.#waitingBytes > maxWaiting && !this.#ended) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    }
  }

  /** Nothing more will be written. */
  end(): void {
    this.#ended = true;
    this.#wakeReader?.();
    this.#release();
  }

  /** The log as object of a reply; it can be read once. */
  object(): OutgoingObject {
    return { bytes: () => this.#read() };
  }

  #push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#written += chunk.length;
    this.#waitingBytes += chunk.length;
    this.#waiting.push(chunk);
    this.#wakeReader?.();
  }

  #release(): void {
    const writers = this.#wakeWriters;
    this.#wakeWriters = [];
    for (const wake of writers) wake();
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      while (this.#waiting.length > 0) {
        const chunk = Buffer.concat(this.#waiting.splice(0));
        this.#waitingBytes = 0;
        this.#release();
        yield chunk;
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      this.#wakeReader = undefined;
    }
  }
}
