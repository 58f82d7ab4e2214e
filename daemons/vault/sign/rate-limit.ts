import type { Clock } from '../../lib/daemon/clock.ts';

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

  /** Takes one, if there is one. */
  take(): boolean {
    const now = this.#clock.monotonic();
    const gained = ((now - this.#filledAt) * this.#perMinute) / minuteMs;
    this.#left = Math.min(this.#perMinute, this.#left + gained);
    this.#filledAt = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
