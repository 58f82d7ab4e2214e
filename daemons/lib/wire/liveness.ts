import type { Clock } from '../daemon/clock.ts';
import { silenceMs, WireError } from './format.ts';

export interface LivenessOptions {
  readonly clock: Clock;
  readonly silenceMs?: number;
  /** Allowed until the first byte is heard. */
  readonly firstSilenceMs?: number;
  /** Called once, when the peer counts as lost. */
  readonly onLost: (error: WireError) => void;
}

/** Nobody sees it; one for each message would be most of what closing costs. */
const closed = new WireError('lost', 'closed');

/**
 * Notices a lost peer. Silence counts only while somebody waits for bytes; bytes heard, and bytes of our own that the
 * peer took, are signs of life. One timer a message, whatever its size.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #over = new AbortController();
  #waiting = false;
  #heardAny = false;
  #lastSign: number;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#lastSign = options.clock.monotonic();
    void this.#watch();
  }

  heard(): void {
    this.#heardAny = true;
    this.#lastSign = this.#options.clock.monotonic();
  }

  /** The peer took bytes that were written to it. */
  progress(): void {
    this.#lastSign = this.#options.clock.monotonic();
  }

  /** Somebody begins, or has ceased, to wait for bytes. */
  waiting(waits: boolean): void {
    if (waits && !this.#waiting && this.#heardAny) this.#lastSign = this.#options.clock.monotonic();
    this.#waiting = waits;
  }

  close(): void {
    this.#over.abort(closed);
  }

  get #limit(): number {
    const usual = this.#options.silenceMs ?? silenceMs;
    return this.#heardAny ? usual : (this.#options.firstSilenceMs ?? usual);
  }

  async #watch(): Promise<void> {
    const { clock, onLost } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      const left = this.#lastSign + this.#limit - clock.monotonic();
      if (left <= 0 && this.#waiting) {
        onLost(new WireError('lost', `nothing was heard for ${Math.round(this.#limit / 1_000)} s`));
        return;
      }
      await clock.sleep(left > 0 ? left : this.#limit, signal).catch(() => {});
    }
  }
}
