import type { Queue } from '../lib/contracts/job.ts';
import type { Clock } from '../lib/daemon/clock.ts';

/** Who waits for a job hears here that trying again may be worth it. */
export class Wakeups {
  readonly #clock: Clock;
  readonly #turns = new Map<Queue, number>();
  readonly #waiting = new Map<Queue, Set<AbortController>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Taken before one looks for a job: a wake-up between the look and the wait is then not missed. */
  ticket(queue: Queue): number {
    return this.#turns.get(queue) ?? 0;
  }

  /** Until the queue is woken after the ticket was taken, the time is over, or the signal aborts. */
  async wait(queue: Queue, ticket: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.ticket(queue) !== ticket || signal.aborted) return;
    const woken = new AbortController();
    const waiting = this.#waiting.get(queue) ?? new Set();
    this.#waiting.set(queue, waiting.add(woken));
    try {
      await this.#clock.sleep(ms, AbortSignal.any([woken.signal, signal]));
    } catch (error) {
      if (!woken.signal.aborted && !signal.aborted) throw error;
    } finally {
      waiting.delete(woken);
    }
  }

  wake(queues: Iterable<Queue>): void {
    for (const queue of queues) {
      this.#turns.set(queue, this.ticket(queue) + 1);
      for (const waiting of this.#waiting.get(queue) ?? []) waiting.abort();
    }
  }
}
