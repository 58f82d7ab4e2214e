import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Sha256 } from '../domain/names.ts';

/** Where bytes go, and what their hash is so far. */
export interface Sink {
  readonly size: number;
  write(chunk: Buffer): Promise<void>;
  truncate(): Promise<void>;
  /** Of all that was written. */
  sha256(): Sha256;
}

class Counter {
  size = 0;
  #hash: Hash = createHash('sha256');

  count(chunk: Buffer): void {
    this.size += chunk.length;
    this.#hash.update(chunk);
  }

  reset(): void {
    this.size = 0;
    this.#hash = createHash('sha256');
  }

  sha256(): Sha256 {
    return this.#hash.copy().digest('hex') as Sha256;
  }
}

export class FileSink implements Sink {
  readonly #counter = new Counter();
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  get size(): number {
    return this.#counter.size;
  }

  async write(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await this.#file.write(chunk, at, chunk.length - at, this.size + at);
      at += bytesWritten;
    }
    this.#counter.count(chunk);
  }

  async truncate(): Promise<void> {
    await this.#file.truncate(0);
    this.#counter.reset();
  }

  sha256(): Sha256 {
    return this.#counter.sha256();
  }
}

export class MemorySink implements Sink {
  readonly #counter = new Counter();
  #chunks: Buffer[] = [];

  get size(): number {
    return this.#counter.size;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#chunks.push(chunk);
    this.#counter.count(chunk);
  }

  async truncate(): Promise<void> {
    this.#chunks = [];
    this.#counter.reset();
  }

  sha256(): Sha256 {
    return this.#counter.sha256();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
