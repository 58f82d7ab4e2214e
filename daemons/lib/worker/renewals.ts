import type { Queue } from '../contracts/job.ts';
import { maxLogChunk, type RenewRequest, renew, renewEveryMs } from '../contracts/renew.ts';
import type { Clock } from '../daemon/clock.ts';
import type { Log } from '../daemon/log.ts';
import type { Caller } from '../wire/call.ts';
import { bufferObject, type OutgoingObject } from '../wire/frame.ts';
import { Backoff } from './backoff.ts';
import type { HeldJob } from './held-job.ts';

export interface RenewalsOptions<Q extends Queue> {
  readonly queue: Q;
  readonly caller: Caller;
  readonly clock: Clock;
  readonly log: Log;
}

/** A renewal comes up to this much before its minute is over, so that workers do not call all at once. */
const jitterMs = 10_000;
/**
 * New leases are renewed together, this long after the first of them: a job that is done sooner costs no call, and its
 * first deadline is far. Whoever fetches its objects is heard of by that.
 */
const soonMs = 2_000;

/** One call a minute for all leases of a worker, and one soon after each new lease (DESIGN §3). */
export class Renewals<Q extends Queue> {
  readonly #options: RenewalsOptions<Q>;
  readonly #held = new Set<HeldJob>();
  readonly #backoff: Backoff;
  #hasNew = false;
  #wake = new AbortController();

  constructor(options: RenewalsOptions<Q>) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, { firstMs: 1_000, mostMs: 20_000 });
  }

  get held(): ReadonlySet<HeldJob> {
    return this.#held;
  }

  add(held: HeldJob): void {
    this.#held.add(held);
    this.#hasNew = true;
    this.#wake.abort();
  }

  remove(held: HeldJob): void {
    this.#held.delete(held);
  }

  /** Runs until `over`. Failures are tried again, sooner than the first deadline of a lease. */
  async run(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      if (this.#hasNew) await this.#options.clock.sleep(soonMs, over).catch(() => {});
      this.#hasNew = false;
      this.#wake = new AbortController();
      const wake = AbortSignal.any([over, this.#wake.signal]);
      await this.#turn(wake, over).catch((error: unknown) => {
        if (!wake.aborted) throw error;
      });
    }
  }

  async #turn(wake: AbortSignal, over: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    if (this.#held.size === 0) return await clock.sleep(renewEveryMs, wake);
    try {
      const more = await this.#renew([...this.#held], over);
      this.#backoff.succeeded();
      if (!more) await clock.sleep(renewEveryMs - clock.random() * jitterMs, wake);
    } catch (error) {
      if (wake.aborted) throw error;
      log.warning('leases could not be renewed', { say: String(error), tries: this.#backoff.failures + 1 });
      await this.#backoff.failed(wake);
    }
  }

  /** One call; true if there is more of a log to be sent. */
  async #renew(jobs: readonly HeldJob[], signal: AbortSignal): Promise<boolean> {
    const objects: OutgoingObject[] = [];
    const chunks = jobs.map((held) => held.log.next(maxLogChunk));
    const leases: RenewRequest['leases'] = jobs.map((held, index) => {
      const chunk = chunks[index];
      if (chunk !== undefined) objects.push(bufferObject(chunk.bytes));
      return {
        job: held.id,
        fence: held.fence,
        ...(held.progress === undefined ? {} : { progress: held.progress }),
        ...(chunk === undefined ? {} : { log: { offset: chunk.offset, object: objects.length - 1 } }),
      };
    });
    const { caller, queue } = this.#options;
    const { reply, done } = await caller.call(renew, queue, { leases }, { objects, signal });
    await done();
    const answers = new Map(reply.leases.map(({ job, answer }) => [job, answer]));
    for (const [index, held] of jobs.entries()) {
      const chunk = chunks[index];
      if (chunk !== undefined) held.log.sent(chunk.offset + chunk.bytes.length);
      const answer = answers.get(held.id);
      if (answer === 'cancelled' || answer === 'lost') {
        this.#held.delete(held);
        held.abort(answer);
      }
    }
    return [...this.#held].some((held) => held.log.unsent >= maxLogChunk);
  }
}
