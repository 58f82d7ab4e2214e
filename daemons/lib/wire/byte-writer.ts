import type { Writable } from 'node:stream';
import { type Clock, workIsDone } from '../daemon/clock.ts';
import { WireError } from './format.ts';

export interface ByteWriterOptions {
  readonly clock: Clock;
  readonly stallMs?: number;
  readonly onProgress?: () => void;
}

/** Writes to a stream as fast as the other side takes it, and no faster. */
export class ByteWriter {
  lastWrite: number;
  readonly #out: Writable;
  readonly #options: ByteWriterOptions;
  readonly #over = new AbortController();
  #failure: WireError | undefined;
  #blockedSince: number | undefined;
  readonly #waiters = new Set<() => void>();

  constructor(out: Writable, options: ByteWriterOptions) {
    this.#out = out;
    this.#options = options;
    this.lastWrite = options.clock.monotonic();
    out.on('drain', this.#onDrain);
    out.on('error', this.#onError);
    out.on('close', this.#onClose);
    if (out.errored) this.#onError(out.errored);
    else if (out.destroyed) this.#onClose();
    if (options.stallMs !== undefined) void this.#watch(options.stallMs);
  }

  get broken(): boolean {
    return this.#failure !== undefined;
  }

  get blocked(): boolean {
    return this.#blockedSince !== undefined;
  }

  /** Writes the pieces side by side; resolves when the stream can take more. Throws `lost` when it is gone. */
  async write(...pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.lastWrite = this.#options.clock.monotonic();
    this.#out.cork();
    let ready = true;
    for (const piece of pieces) ready = this.#out.write(piece);
    this.#out.uncork();
    if (ready || !this.#out.writableNeedDrain) {
      this.#options.onProgress?.();
      return;
    }
    this.#blockedSince ??= this.lastWrite;
    await new Promise<void>((resolve) => this.#waiters.add(resolve));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Leaves the stream as it is, and its errors to others. */
  release(): void {
    this.#over.abort(workIsDone);
    this.#out.off('drain', this.#onDrain);
    this.#out.off('close', this.#onClose);
  }

  readonly #onDrain = () => {
    this.lastWrite = this.#options.clock.monotonic();
    this.#blockedSince = undefined;
    this.#options.onProgress?.();
    this.#wake();
  };
  readonly #onError = (error: Error) => {
    this.#failure ??=
      error instanceof WireError
        ? error
        : new WireError('lost', `the connection broke: ${error.message}`, { cause: error });
    this.#wake();
  };
  readonly #onClose = () => {
    this.#failure ??= new WireError('lost', 'the connection was closed');
    this.#wake();
  };

  #wake(): void {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  async #watch(stallMs: number): Promise<void> {
    const { clock } = this.#options;
    while (!this.#over.signal.aborted && !this.broken) {
      const since = this.#blockedSince ?? clock.monotonic();
      const left = since + stallMs - clock.monotonic();
      if (left <= 0) {
        this.#out.destroy(new WireError('lost', `nothing was taken for ${Math.round(stallMs / 1_000)} s`));
        return;
      }
      await clock.sleep(left, this.#over.signal).catch(() => {});
    }
  }
}
