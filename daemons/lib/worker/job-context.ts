import type { Notice } from '../contracts/documents/notice.ts';
import type { Queue } from '../contracts/job.ts';
import type { LeasedJob, LeaseRequest } from '../contracts/lease.ts';
import type { Outcomes } from '../contracts/return.ts';
import type { Clock } from '../daemon/clock.ts';
import type { Log } from '../daemon/log.ts';
import type { Notify } from '../daemon/notify.ts';
import type { Sha256 } from '../domain/names.ts';
import type { Caller } from '../wire/call.ts';
import type { IncomingObject, OutgoingObject } from '../wire/frame.ts';

/** What a role has at hand while it does one job. */
export interface JobContext<Q extends Queue> {
  readonly job: LeasedJob<Q>;
  /** Aborted with a `JobAborted` when the job was cancelled or lost, or the daemon is to stop. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Shown to people, up to a minute later. */
  progress(stage: string, done?: number, total?: number, say?: string): void;
  /** Appends to the live log. */
  appendLog(chunk: Uint8Array): void;
  /** Brings objects of the job, in this order; one may come again after a lost connection. */
  fetch(shas: readonly Sha256[], into: (sha: Sha256, object: IncomingObject) => Promise<void>): Promise<void>;
  /** Which objects the orchestrator keeps already, so that they need not be returned. */
  present(shas: readonly Sha256[]): Promise<ReadonlySet<Sha256>>;
}

export interface Done<Q extends Queue> {
  readonly outcome: Outcomes[Q];
  /** Sent again, from the start, as often as the reply is lost. */
  readonly objects: readonly OutgoingObject[];
  /** Called once the outcome is settled: for what must not hold it up. */
  readonly delivered?: () => void;
}

/** One job at a time; of any kind if `kinds` is not given. */
export interface Slot {
  readonly kinds?: readonly string[];
}

export interface WorkerOptions<Q extends Queue> {
  readonly queue: Q;
  readonly caller: Caller;
  readonly clock: Clock;
  readonly log: Log;
  readonly notify: Notify;
  readonly stop: AbortSignal;
  readonly slots: readonly Slot[];
  readonly capabilities?: NonNullable<LeaseRequest['capabilities']>;
  /** What people are to know, told with each Lease. */
  notices?(): Promise<readonly Notice[]>;
  /** Does one job. A `JobFailure` is its failed outcome; any other error is a failure of ours, `protocol`. */
  handle(context: JobContext<Q>): Promise<Done<Q>>;
}
