import { LiveLog } from './live-log.ts';

/** Why a job's signal was aborted. */
export type AbortCause = 'cancelled' | 'lost' | 'stop';

export class JobAborted extends Error {
  override readonly name = 'JobAborted';
  constructor(readonly why: AbortCause) {
    super(why === 'stop' ? 'the daemon is told to stop' : `the job was ${why}`);
  }
}

export interface Progress {
  readonly stage: string;
  readonly done: number | null;
  readonly total: number | null;
  readonly say: string;
}

/** A leased job while it runs: what Renew carries of it, and how it is told to end. */
export class HeldJob {
  readonly log = new LiveLog();
  progress: Progress | undefined;
  readonly #ended = new AbortController();
  readonly #gone = new AbortController();
  #isReturning = false;

  constructor(
    readonly id: string,
    readonly fence: number,
  ) {}

  /** Aborted when the job is to end, for whatever cause. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Aborted when it is no longer ours: then nothing is returned. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** From now on its outcome is on its way: whether it still counts is that call's to hear. */
  returning(): void {
    this.#isReturning = true;
  }

  abort(why: AbortCause): void {
    // A settled lease is over, too, and a renewal hears so before its own Return has.
    if (why === 'lost' && this.#isReturning) return;
    const reason = new JobAborted(why);
    this.#ended.abort(reason);
    if (why !== 'stop') this.#gone.abort(reason);
  }
}
