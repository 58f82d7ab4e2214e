import type { Notice } from '../lib/contracts/documents/notice.ts';
import type { Queue } from '../lib/contracts/job.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import type { QubeName } from '../lib/domain/names.ts';
import type { JobId } from './ids.ts';

/** How long a worker that is not heard of counts as being there. */
export const latelyMs = 600_000;

export interface SeenWorker {
  readonly qube: QubeName;
  readonly queue: Queue;
  /** Wall time. */
  readonly lastSeen: number;
  readonly jobs: readonly JobId[];
  readonly notices: readonly Notice[];
}

interface Worker {
  readonly qube: QubeName;
  readonly queue: Queue;
  readonly jobs: Set<JobId>;
  notices: readonly Notice[];
  asking: number;
  /** The most jobs it had at once, the one it was asking for included. */
  slots: number;
  lastSeen: number;
  heard: number;
}

/** Which qubes worked lately, on how many jobs at once, and what they have to say: known from their calls, forgotten with the process. */
export class Workers {
  readonly #clock: Clock;
  readonly #workers = new Map<string, Worker>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A Lease begins; the function it returns is to be called when it ends. */
  asks(qube: QubeName, queue: Queue, notices: readonly Notice[] = []): () => void {
    const worker = this.#heard(qube, queue);
    worker.notices = notices;
    worker.asking += 1;
    this.#count(worker);
    return () => {
      worker.asking -= 1;
      worker.heard = this.#clock.monotonic();
    };
  }

  leased(qube: QubeName, queue: Queue, job: JobId): void {
    const worker = this.#heard(qube, queue);
    worker.jobs.add(job);
    this.#count(worker);
  }

  returned(qube: QubeName, queue: Queue, job: JobId): void {
    this.#heard(qube, queue).jobs.delete(job);
  }

  /** A Renew names all that a worker holds. */
  renewed(qube: QubeName, queue: Queue, jobs: readonly JobId[]): void {
    const worker = this.#heard(qube, queue);
    worker.jobs.clear();
    for (const job of jobs) worker.jobs.add(job);
    this.#count(worker);
  }

  lately(): readonly SeenWorker[] {
    const since = this.#clock.monotonic() - latelyMs;
    for (const [key, worker] of this.#workers) {
      if (worker.asking === 0 && worker.heard < since) this.#workers.delete(key);
    }
    return [...this.#workers.values()].map(({ qube, queue, lastSeen, jobs, notices }) => ({
      qube,
      queue,
      lastSeen,
      jobs: [...jobs],
      notices,
    }));
  }

  /** Jobs that the queue's workers did at once lately. */
  slotsLately(queue: Queue): number {
    this.lately();
    let slots = 0;
    for (const worker of this.#workers.values()) if (worker.queue === queue) slots += worker.slots;
    return slots;
  }

  #heard(qube: QubeName, queue: Queue): Worker {
    const key = `${qube} ${queue}`;
    const known = this.#workers.get(key);
    const worker = known ?? {
      qube,
      queue,
      jobs: new Set(),
      notices: [],
      asking: 0,
      slots: 0,
      lastSeen: 0,
      heard: 0,
    };
    worker.lastSeen = Math.floor(this.#clock.now());
    worker.heard = this.#clock.monotonic();
    this.#workers.set(key, worker);
    return worker;
  }

  #count(worker: Worker): void {
    worker.slots = Math.max(worker.slots, worker.jobs.size + Math.min(1, worker.asking));
  }
}
