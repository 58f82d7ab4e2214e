import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import type { Contract } from '../../daemons/lib/contracts/contract.ts';
import type { FetchRequest } from '../../daemons/lib/contracts/fetch.ts';
import type { LeaseRequest } from '../../daemons/lib/contracts/lease.ts';
import type { RenewRequest } from '../../daemons/lib/contracts/renew.ts';
import type { ReturnRequest } from '../../daemons/lib/contracts/return.ts';
import type { VirtualClock } from '../../daemons/lib/daemon/clock.ts';
import { CallError, type Caller, type CallOptions, type CallReply } from '../../daemons/lib/wire/call.ts';
import {
  bufferObject,
  type OutgoingObject,
  readMessage,
  writeMessage,
} from '../../daemons/lib/wire/frame.ts';

export type Door = 'Lease' | 'Renew' | 'Fetch' | 'Return';
type Fault = Readonly<{ when: 'before' | 'after'; error: CallError }>;

/** What a worker sees when the call did not get through, or its reply did not. */
export const lost = new CallError('lost', 'the connection was lost', false);

export interface Waiting {
  readonly id: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The doors that a worker calls, in memory and on a virtual clock: keeps what it was told, and fails when told to. */
export class OrchestratorStandIn implements Caller {
  readonly waiting: Waiting[] = [];
  readonly leases: (LeaseRequest & { at: number })[] = [];
  readonly renewals: (RenewRequest & { at: number })[] = [];
  readonly returns: (ReturnRequest & { at: number; sent: readonly Buffer[] })[] = [];
  readonly settled = new Map<string, ReturnRequest>();
  readonly logs = new Map<string, Buffer>();
  readonly objects = new Map<string, Buffer>();
  /** What Renew answers for a job instead of `held`. */
  readonly verdicts = new Map<string, 'cancelled' | 'lost'>();
  /** Lease polls that are open now, and the most there ever were. */
  open = 0;
  mostOpen = 0;
  readonly #faults = new Map<Door, Fault[]>();
  #down: CallError | undefined;
  #fence = 0;

  constructor(readonly clock: VirtualClock) {}

  fail(door: Door, when: Fault['when'], error: CallError = lost): void {
    this.#faults.set(door, [...(this.#faults.get(door) ?? []), { when, error }]);
  }

  /** Every call fails until it is up again. */
  down(error: CallError | undefined): void {
    this.#down = error;
  }

  keep(bytes: Buffer): string {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.objects.set(sha256, bytes);
    return sha256;
  }

  raw(): never {
    throw new Error('a worker makes framed calls only');
  }

  async call<A extends string, Q, R>(
    contract: Contract<A, Q, R>,
    argument: A,
    header: object,
    options: CallOptions = {},
  ): Promise<CallReply<R>> {
    options.signal?.throwIfAborted();
    const door = contract.service.replace('rebuilder.', '') as Door;
    const fault = this.#faults.get(door)?.shift();
    if (this.#down !== undefined) throw this.#down;
    if (fault?.when === 'before') throw fault.error;
    const sent = await Promise.all((options.objects ?? []).map(contentOf));
    const counted = sent.length === 0 ? header : { ...header, objects: sent.length };
    const request = contract.parseRequest(JSON.parse(JSON.stringify({ v: 1, ...counted })), argument);
    const { reply, objects } = await this.#answer(door, request, sent, options.signal);
    if (fault?.when === 'after') throw fault.error;
    const stream = new PassThrough();
    writeMessage(stream, { v: 1, ok: true, ...reply }, objects, { clock: this.clock }).catch(() => {});
    const caps = { maxObjects: contract.maxReplyObjects, maxObjectBytes: contract.maxObjectBytes };
    const message = await readMessage(stream, { clock: this.clock, ...caps });
    const parsed = contract.parseReply(message.untrustedHeader, argument);
    return { reply: parsed, objects: message.objects, done: () => message.drain() };
  }

  async #answer(door: Door, request: unknown, sent: readonly Buffer[], signal: AbortSignal | undefined) {
    const objects: readonly OutgoingObject[] = [];
    if (door === 'Lease')
      return { reply: { job: await this.#lease(request as LeaseRequest, signal) }, objects };
    if (door === 'Renew') return { reply: this.#renew(request as RenewRequest, sent), objects };
    if (door === 'Return') return { reply: this.#return(request as ReturnRequest, sent), objects };
    return this.#fetch(request as FetchRequest);
  }

  async #lease(request: LeaseRequest, signal: AbortSignal | undefined): Promise<object | null> {
    this.leases.push({ ...request, at: this.clock.monotonic() });
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    try {
      for (const end = this.clock.monotonic() + (request.waitMs ?? 0); ; ) {
        const fits = this.waiting.findIndex(
          ({ payload }) => request.kinds === undefined || request.kinds.includes(String(payload.kind)),
        );
        const [job] = fits === -1 ? [] : this.waiting.splice(fits, 1);
        this.#fence += 1;
        if (job !== undefined)
          return { ...job, fence: this.#fence, leaseMs: 60_000, about: `about ${job.id}` };
        if (this.clock.monotonic() >= end) return null;
        await this.clock.sleep(1_000, signal);
      }
    } finally {
      this.open -= 1;
    }
  }

  #renew(request: RenewRequest, sent: readonly Buffer[]): object {
    this.renewals.push({ ...request, at: this.clock.monotonic() });
    const leases = request.leases.map(({ job, log }) => {
      const chunk = log === undefined ? undefined : sent[log.object];
      if (log !== undefined && chunk !== undefined) {
        const before = this.logs.get(job) ?? Buffer.alloc(0);
        if (log.offset > before.length) throw new Error('a gap in the live log');
        this.logs.set(job, Buffer.concat([before.subarray(0, log.offset), chunk]));
      }
      return { job, answer: this.verdicts.get(job) ?? (this.settled.has(job) ? 'lost' : 'held') };
    });
    return { leases };
  }

  #return(request: ReturnRequest, sent: readonly Buffer[]): object {
    this.returns.push({ ...request, at: this.clock.monotonic(), sent });
    const before = this.settled.get(request.job);
    if (before === undefined) {
      this.settled.set(request.job, request);
      return { result: 'settled' };
    }
    return {
      result: before.digest === request.digest && before.fence === request.fence ? 'already' : 'lost',
    };
  }

  #fetch(request: FetchRequest): { reply: object; objects: readonly OutgoingObject[] } {
    const { sha256, want } = request;
    if (want === 'presence') {
      return {
        reply: { present: sha256.map((sha) => (this.objects.has(sha) ? '1' : '0')).join('') },
        objects: [],
      };
    }
    const objects = sha256.map((sha) => this.objects.get(sha)).filter((bytes) => bytes !== undefined);
    return { reply: {}, objects: objects.map((bytes) => bufferObject(bytes)) };
  }
}

async function contentOf(object: OutgoingObject): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.bytes()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
