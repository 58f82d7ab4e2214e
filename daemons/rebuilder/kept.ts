import { join } from 'node:path';
import type { RecipeInput } from '../lib/contracts/documents/recipe.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import { trim } from '../lib/objects/collect.ts';
import { ObjectStore, type StoredObject } from '../lib/objects/store.ts';
import type { JobContext } from '../lib/worker/worker.ts';

export interface KeptOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** Bytes that it may take; what was used longest ago goes first. */
  readonly maxBytes: number;
}

/** A folder of objects with a size: inputs that the next build may need again, or outputs until they are returned. */
export class Kept {
  readonly #options: KeptOptions;
  readonly #store: ObjectStore;

  private constructor(options: KeptOptions, store: ObjectStore) {
    this.#options = options;
    this.#store = store;
  }

  static async open(options: KeptOptions): Promise<Kept> {
    const { folder, clock } = options;
    return new Kept(options, await ObjectStore.open(join(folder, 'objects'), { clock }));
  }

  /** Brings the inputs that are not here, each checked against the recipe; `onHere` is told of each that is here. */
  async bring(
    context: JobContext<'rebuild'>,
    inputs: readonly RecipeInput[],
    onHere: (sha256: Sha256) => void,
  ): Promise<void> {
    const wanted = new Map<Sha256, RecipeInput>();
    for (const input of inputs) {
      if (await this.#store.touch(input.sha256)) onHere(input.sha256);
      else wanted.set(input.sha256, input);
    }
    let done = 0;
    context.progress('bringing inputs', done, wanted.size);
    await context.fetch([...wanted.keys()], async (sha256, object) => {
      const input = wanted.get(sha256);
      const { sha256: found, size } = await this.#store.put(object.bytes, input?.size ?? 0);
      await object.sha256;
      if (found !== sha256 || size !== input?.size) {
        throw new JobFailure('protocol', `${input?.name}: the orchestrator sent other bytes than it names`);
      }
      onHere(sha256);
      done += 1;
      context.progress('bringing inputs', done, wanted.size);
    });
    await this.#trim();
  }

  async put(bytes: AsyncIterable<Uint8Array>, max: number): Promise<{ sha256: Sha256; size: number }> {
    const put = await this.#store.put(bytes, max);
    await this.#trim();
    return put;
  }

  async object(sha256: Sha256): Promise<StoredObject> {
    return await this.#store.object(sha256);
  }

  async #trim(): Promise<void> {
    const { maxBytes, clock } = this.#options;
    await trim(this.#store, { now: clock.now(), maxBytes, slack: maxBytes / 10 });
  }
}
