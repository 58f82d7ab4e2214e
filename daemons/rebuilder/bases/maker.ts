import type { BuildLimits } from '../../lib/contracts/build.ts';
import { maxReportBytes } from '../../lib/contracts/documents/builder-report.ts';
import type { BaseRecipe, RecipeInput } from '../../lib/contracts/documents/recipe.ts';
import type { Log } from '../../lib/daemon/log.ts';
import type { Turns } from '../../lib/daemon/turns.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import { CallError, type Caller } from '../../lib/wire/call.ts';
import { handOver, readReport } from '../disposable.ts';
import type { Kept } from '../kept.ts';
import { baseKeyOf } from './base-recipe.ts';
import type { Shelf } from './shelf.ts';

export interface BaseMakerOptions {
  readonly caller: Caller;
  readonly log: Log;
  readonly limits: BuildLimits;
  readonly inputs: Kept;
  readonly shelf: Shelf;
  readonly turns: Turns;
  /** The version of the program that makes them. */
  readonly madeBy: string;
  /** Ends what is being made. */
  readonly stop: AbortSignal;
}

/**
 * Has bases made, each in as many fresh disposables as must agree on it, once the build that called for one is
 * delivered: see DESIGN §7. Whatever goes wrong costs later builds time and nothing else.
 */
export class BaseMaker {
  readonly #options: BaseMakerOptions;
  /** By key: a base that several builds call for is made once. */
  readonly #making = new Map<Sha256, Promise<void>>();

  constructor(options: BaseMakerOptions) {
    this.#options = options;
  }

  /** Begins; returns at once. */
  want(recipe: BaseRecipe): void {
    const { log, turns, madeBy, stop } = this.#options;
    const key = baseKeyOf(recipe, madeBy);
    if (stop.aborted || this.#making.has(key)) return;
    const making = turns
      .take(() => this.#make(key, recipe))
      .catch((error: unknown) => {
        if (!stop.aborted) log.warning('a base could not be made', { base: key, say: String(error) });
      })
      .finally(() => this.#making.delete(key));
    this.#making.set(key, making);
  }

  /** Resolves when nothing is being made any more. */
  async idle(): Promise<void> {
    while (this.#making.size > 0) await Promise.all(this.#making.values());
  }

  async #make(key: Sha256, recipe: BaseRecipe): Promise<void> {
    const { shelf, log, stop } = this.#options;
    stop.throwIfAborted();
    const missing = await shelf.missing(key);
    if (missing === 0) return;
    log.info('making a base for later builds', { base: key, packages: recipe.dependencies.length });
    const making = Array.from({ length: missing }, () => this.#inDisposable(key, recipe));
    // The turn is over when each of them is: one that failed leaves the other running.
    await Promise.allSettled(making);
    const alike = await Promise.all(making);
    if (alike.includes(false)) {
      log.warning('two disposables made different bases of the same packages: none is kept', { base: key });
    } else log.info('a base is kept', { base: key });
  }

  async #inDisposable(key: Sha256, recipe: BaseRecipe): Promise<boolean> {
    const { caller, limits, inputs, shelf, stop } = this.#options;
    const objectOf = ({ sha256 }: RecipeInput) => inputs.object(sha256);
    const answer = await handOver(recipe, { caller, limits, objectOf, signal: stop });
    let alike: boolean | undefined;
    let failure = 'it came back without a base';
    for await (const object of answer.objects) {
      if (object.index === 0) await object.drain();
      else if (object.index === 1) {
        const report = readReport(await object.buffer(maxReportBytes));
        failure = report.status === 'failed' ? report.say : '';
      } else if (failure === '' && alike === undefined) {
        alike = await shelf.add(key, object.bytes, object.sha256);
      } else await object.drain();
    }
    await answer.done();
    if (alike === undefined) throw new CallError('lost', failure, true);
    return alike;
  }
}
