/** Time and chance, injected everywhere: no other file may use `Date`, timers, `performance` or `Math.random`. */
export interface Clock {
  /** Wall time in milliseconds since 1970: only ever shown or compared with a signed date. */
  now(): number;
  /** Milliseconds that never go back. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 up to, not including, 1. */
  random(): number;
}

/** The reason to abort a timer whose work is done: one for all, since making an error costs more than the timer. */
export const workIsDone = new Error('the work is done');

/** `setTimeout` takes 31 bits; longer sleeps are slept in turns. */
const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    for (let left = Math.max(0, ms); ; left -= longestTimer) {
      await wait(Math.min(left, longestTimer), signal);
      if (left <= longestTimer) return;
    }
  },
  random: () => Math.random(),
};

/** As timers/promises has it, without an error of its own for each sleep that is cut short: nearly all are. */
function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Wall time as people and documents write it: `2026-01-31T12:00:00.000Z`. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that stands still until a test moves it, and a random source with a seed. */
export class VirtualClock implements Clock {
  #elapsed = 0;
  #sleepers: Sleeper[] = [];
  #state: number;

  constructor(
    seed = 1,
    readonly epoch = 1_700_000_000_000,
  ) {
    this.#state = seed >>> 0;
  }

  now(): number {
    return this.epoch + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** mulberry32. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const sleeper: Sleeper = {
        at: this.#elapsed + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** How many sleep now: a test that expects a timer to be set waits for it. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Moves time on, waking each sleeper at its own instant and letting what it started run before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await turns();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#elapsed = Math.max(this.#elapsed, next.at);
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      await turns();
    }
    this.#elapsed = until;
  }

  #next(until: number): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.at <= until && (first === undefined || sleeper.at < first.at)) first = sleeper;
    }
    return first;
  }
}

/** Enough turns of the event loop for promises and in-process streams to come to rest. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}
