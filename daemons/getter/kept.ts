import { join } from 'node:path';
import type { Clock } from '../lib/daemon/clock.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import type { Downloads, Expected } from '../lib/net/download.ts';
import { NetError } from '../lib/net/errors.ts';
import { trim } from '../lib/objects/collect.ts';
import { ObjectStore } from '../lib/objects/store.ts';
import type { OutgoingObject } from '../lib/wire/objects.ts';

export interface KeptOptions {
  readonly folder: string;
  readonly downloads: Downloads;
  readonly clock: Clock;
  /** Bytes that it may take; what was used longest ago goes first. */
  readonly maxBytes: number;
}

/** A file as a signed index names it, and where it is. */
export type Wanted = Expected & Readonly<{ uri: string }>;

const maxObjectBytes = 2 ** 36;

/** What was brought once, by its sha256: a second build of the same day needs almost nothing from the mirror. */
export class Kept {
  readonly #options: KeptOptions;
  readonly #store: ObjectStore;
  readonly #bringing = new Map<Sha256, Promise<void>>();

  private constructor(options: KeptOptions, store: ObjectStore) {
    this.#options = options;
    this.#store = store;
  }

  static async open(options: KeptOptions): Promise<Kept> {
    const store = await ObjectStore.open(join(options.folder, 'objects'), { clock: options.clock });
    return new Kept(options, store);
  }

  /** Brings a file unless it is kept; of several who want it at once, one does. @throws NetError */
  async bring(wanted: Wanted, signal?: AbortSignal): Promise<void> {
    const other = () => this.#bringing.get(wanted.sha256);
    for (let bringing = other(); bringing !== undefined; bringing = other()) {
      await bringing.catch((error: unknown) => {
        // Whoever brought it may have been told to stop: the next one then does.
        if (error instanceof NetError) throw error;
      });
    }
    const bringing = this.#bring(wanted, signal);
    this.#bringing.set(wanted.sha256, bringing);
    try {
      await bringing;
    } finally {
      this.#bringing.delete(wanted.sha256);
    }
  }

  /** Keeps bytes that were made or read here. */
  async put(bytes: Uint8Array): Promise<Sha256> {
    const { sha256 } = await this.putStream([bytes]);
    return sha256;
  }

  async putStream(
    bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<{ sha256: Sha256; size: number }> {
    const put = await this.#store.put(passOn(bytes), maxObjectBytes);
    await this.#trim();
    return put;
  }

  /** Whether it is kept; it then counts as used now. */
  async has(sha256: Sha256): Promise<boolean> {
    return await this.#store.touch(sha256);
  }

  path(sha256: Sha256): string {
    return this.#store.path(sha256);
  }

  async read(sha256: Sha256, max: number): Promise<Buffer> {
    return await this.#store.read(sha256, max);
  }

  async object(sha256: Sha256): Promise<OutgoingObject> {
    return await this.#store.object(sha256);
  }

  async #bring(wanted: Wanted, signal: AbortSignal | undefined): Promise<void> {
    const { uri, sha256, size } = wanted;
    if (await this.has(sha256)) return;
    const options = { max: maxObjectBytes, expected: { sha256, size }, ...(signal ? { signal } : {}) };
    await this.#options.downloads.to(uri, options, (bytes) => this.#store.put(bytes, maxObjectBytes));
    await this.#trim();
  }

  async #trim(): Promise<void> {
    const { maxBytes, clock } = this.#options;
    await trim(this.#store, { now: clock.now(), maxBytes, slack: maxBytes / 10 });
  }
}

async function* passOn(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  yield* bytes;
}
