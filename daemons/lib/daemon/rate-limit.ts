import type { Clock } from './clock.ts';

const minuteMs = 60_000;

/** A bucket that holds one minute's worth and fills evenly: bursts pass, a flood does not. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #perMinute: number;
  #left: number;
  #filledAt: number;

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
    this.#left = perMinute;
    this.#filledAt = clock.monotonic();
  }

  /** Takes so many, if they are there, or the bucket is full: what is more than it holds is owed. */
  take(count: number): boolean {
    const now = this.#clock.monotonic();
    const gained = ((now - this.#filledAt) * this.#perMinute) / minuteMs;
    this.#left = Math.min(this.#perMinute, this.#left + gained);
    this.#filledAt = now;
    if (this.#left < Math.min(count, this.#perMinute)) return false;
    this.#left -= count;
    return true;
  }
}
