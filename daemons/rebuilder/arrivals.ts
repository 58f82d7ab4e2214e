import type { RecipeInput } from '../lib/contracts/documents/recipe.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import type { OutgoingObject } from '../lib/wire/frame.ts';
import type { JobContext } from '../lib/worker/worker.ts';
import type { Kept } from './kept.ts';

/** A build's inputs on their way: each is passed on as soon as it is here, while the next ones still come. */
export class Arrivals {
  /** Resolves when all are here, or rejects with why not; nothing is brought any more then. */
  readonly all: Promise<void>;
  readonly #kept: Kept;
  readonly #here = new Set<Sha256>();
  readonly #waiting = new Map<Sha256, () => void>();

  constructor(kept: Kept, context: JobContext<'rebuild'>, inputs: readonly RecipeInput[]) {
    this.#kept = kept;
    this.all = kept.bring(context, inputs, (sha256) => {
      this.#here.add(sha256);
      this.#waiting.get(sha256)?.();
    });
    this.all.catch(() => {});
  }

  /** Its bytes come when it is here; they fail with what the bringing failed with. */
  object({ sha256, size }: RecipeInput): OutgoingObject {
    return { size, bytes: () => this.#bytes(sha256) };
  }

  async *#bytes(sha256: Sha256): AsyncGenerator<Uint8Array, void, undefined> {
    if (!this.#here.has(sha256)) {
      const come = new Promise<void>((resolve) => this.#waiting.set(sha256, resolve));
      await Promise.race([come, this.all]);
    }
    yield* (await this.#kept.object(sha256)).bytes();
  }
}
