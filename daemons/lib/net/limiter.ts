import type { Clock } from '../daemon/clock.ts';

/** So many requests at a time to one host; all of them wait when the host asks for a pause. */
class HostLimit {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  /** Monotonic milliseconds until which nothing is asked. */
  notBefore = 0;

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const admit = () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(admit);
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

export class Limiter {
  readonly #clock: Clock;
  readonly #atOnce: number;
  readonly #hosts = new Map<string, HostLimit>();

  constructor(options: Readonly<{ clock: Clock; atOnce: number }>) {
    this.#clock = options.clock;
    this.#atOnce = options.atOnce;
  }

  /** Waits until the host has room and its pause is over; the request that follows ends with the returned call. */
  async enter(host: string, signal: AbortSignal | undefined): Promise<() => void> {
    const limit = this.#limitOf(host);
    await limit.enter(signal);
    try {
      // What another request hears meanwhile may make the pause longer.
      for (let wait = this.#pauseOf(limit); wait > 0; wait = this.#pauseOf(limit)) {
        await this.#clock.sleep(wait, signal);
      }
      signal?.throwIfAborted();
    } catch (error) {
      limit.leave();
      throw error;
    }
    return () => limit.leave();
  }

  /** Asks nothing of a host for so many milliseconds. */
  pause(host: string, ms: number): void {
    const limit = this.#limitOf(host);
    limit.notBefore = Math.max(limit.notBefore, this.#clock.monotonic() + ms);
  }

  #pauseOf(limit: HostLimit): number {
    return limit.notBefore - this.#clock.monotonic();
  }

  #limitOf(host: string): HostLimit {
    let limit = this.#hosts.get(host);
    if (limit === undefined) {
      limit = new HostLimit(this.#atOnce);
      this.#hosts.set(host, limit);
    }
    return limit;
  }
}
