import type { Clock } from '../daemon/clock.ts';

export interface BackoffOptions {
  readonly firstMs?: number;
  readonly mostMs?: number;
}

/** Waits longer after each failure, never at the same instant as others. */
export class Backoff {
  #failures = 0;
  readonly #clock: Clock;
  readonly #firstMs: number;
  readonly #mostMs: number;

  constructor(clock: Clock, options: BackoffOptions = {}) {
    this.#clock = clock;
    this.#firstMs = options.firstMs ?? 250;
    this.#mostMs = options.mostMs ?? 60_000;
  }

  /** How many failures came since the last success. */
  get failures(): number {
    return this.#failures;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Between half and the whole of a time that doubles. Rejects with the signal's reason. */
  async failed(signal?: AbortSignal): Promise<void> {
    const whole = Math.min(this.#mostMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    await this.#clock.sleep(whole * (0.5 + this.#clock.random() / 2), signal);
  }
}
