import type { Clock } from '../lib/daemon/clock.ts';

/** How long a call is known again. Those that sign no time could be repeated for ever: then the rate's limit is what is left. */
const windowMs = 24 * 3_600_000;
const mostKnown = 10_000;

/** Calls that were answered, by their signature. */
export class Replays {
  readonly #clock: Clock;
  readonly #known = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(mark: string): boolean {
    const at = this.#known.get(mark);
    return at !== undefined && this.#clock.monotonic() - at < windowMs;
  }

  add(mark: string): void {
    this.#known.delete(mark);
    this.#known.set(mark, this.#clock.monotonic());
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostKnown && oldest !== undefined) this.#known.delete(oldest);
  }

  /** One that was not answered after all may come again. */
  forget(mark: string): void {
    this.#known.delete(mark);
  }
}
