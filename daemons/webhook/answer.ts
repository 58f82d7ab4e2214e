import type { IncomingHttpHeaders } from 'node:http';
import { trigger } from '../lib/contracts/trigger.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import type { Log } from '../lib/daemon/log.ts';
import { RateLimit } from '../lib/daemon/rate-limit.ts';
import { CallError, type Caller } from '../lib/wire/call.ts';
import type { Hook } from './hooks.ts';
import { Replays } from './replays.ts';
import { judgeSignature, type SignatureFault } from './signature.ts';

/** An answer over HTTP: its status, and a sentence that the forge shows its people. */
export type Answer = Readonly<{ status: number; say: string; retrySeconds?: number }>;

export interface Untrusted {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface AnswererOptions {
  readonly hooks: ReadonlyMap<string, Hook>;
  readonly caller: Pick<Caller, 'call'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly stop: AbortSignal;
}

/** Calls of one hook in a minute: each may have an archive read. */
const perMinute = 6;
const busySeconds = 60;

const faults: Readonly<Record<SignatureFault, string>> = {
  unsigned: "not signed in the hook's style",
  'wrong-signature': 'the signature is not by the secret of this hook',
  'too-old': 'made more than five minutes ago, or ahead: is the clock right?',
};

/**
 * Answers one call: whoever knows a hook's secret may have its dist looked at, and nothing more. What the body says is
 * not read: it is only what was signed.
 */
export class Answerer {
  readonly #options: AnswererOptions;
  readonly #replays: Replays;
  readonly #rates: ReadonlyMap<string, RateLimit>;

  constructor(options: AnswererOptions) {
    this.#options = options;
    this.#replays = new Replays(options.clock);
    this.#rates = new Map(
      [...options.hooks.keys()].map((name) => [name, new RateLimit(options.clock, perMinute)]),
    );
  }

  /** The hook of a URL's path: `/hooks/NAME`. */
  hookOf(path: string): Hook | undefined {
    const [, name = ''] = /^\/hooks\/([^/?#]+)$/.exec(path) ?? [];
    return this.#options.hooks.get(name);
  }

  async answer(hook: Hook, { headers, body }: Untrusted): Promise<Answer> {
    const { clock } = this.#options;
    const judged = judgeSignature(hook, headers, body, clock.now());
    if ('fault' in judged) return { status: 401, say: faults[judged.fault] };
    const mark = `${hook.name} ${judged.mark}`;
    if (this.#replays.has(mark)) return { status: 409, say: 'this very call was answered before' };
    if (!this.#rates.get(hook.name)?.take(1)) {
      return { status: 429, say: `more than ${perMinute} calls a minute`, retrySeconds: busySeconds };
    }
    // Before it is asked for: of two at once only one is answered.
    this.#replays.add(mark);
    const answer = await this.#ask(hook);
    if (answer.status !== 202) this.#replays.forget(mark);
    return answer;
  }

  async #ask({ name, dist }: Hook): Promise<Answer> {
    const { caller, log, stop } = this.#options;
    try {
      const request = dist === undefined ? {} : { dist };
      const { reply, done } = await caller.call(trigger, 'get', request, { signal: stop });
      await done();
      log.notice('called', { hook: name, dist, submitted: reply.submitted });
      return { status: 202, say: `${reply.submitted} new jobs, ${reply.jobs.length} waiting` };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      log.error('the orchestrator could not be asked', { hook: name, code: error.code, say: error.message });
      return { status: 503, say: 'the rebuilder could not be asked now', retrySeconds: busySeconds };
    }
  }
}
