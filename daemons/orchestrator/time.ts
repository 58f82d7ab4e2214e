import type { Clock } from '../lib/daemon/clock.ts';
import type { Moment, Ms } from './ledger/port.ts';

/** Ledger time: the last stored value plus what ran since. It never goes back, whatever is done to the wall clock. */
export class LedgerTime {
  readonly #clock: Clock;
  readonly #stored: Ms;
  readonly #started: number;

  constructor(clock: Clock, stored: Ms) {
    this.#clock = clock;
    this.#stored = stored;
    this.#started = clock.monotonic();
  }

  now(): Moment {
    const ms = Math.floor(this.#stored + this.#clock.monotonic() - this.#started);
    return { ms, wall: Math.floor(this.#clock.now()) };
  }
}
