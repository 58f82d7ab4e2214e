import { VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { parsePublicationPath } from '../../../daemons/lib/domain/names.ts';
import type {
  Disposition,
  Ending,
  JobSpec,
  Ledger,
  ResultPatch,
} from '../../../daemons/orchestrator/ledger/port.ts';
import { ask, at, buildOf, ending, hashOf, inputsOf, keyOf } from './given.ts';
import {
  type Again,
  type Answer,
  folderOf,
  groupOf,
  type HeldName,
  type How,
  heldIn,
  type KeyDigit,
  type OpenList,
  type Operation,
  pathsOf,
  retryMs,
  shownAfter,
  verdictAfter,
} from './model.ts';

const allNames = ['job0', ...Array.from({ length: 24 }, (_, index) => `job${index + 1}`)] as const;

/** Operations as workers, timers and operators make them, drawn from a seed. */
export class RandomOperations {
  readonly #chance: VirtualClock;
  readonly #held: HeldName[] = [];
  readonly #lists: OpenList[] = [];
  #ms: number;
  #digests = 0;

  constructor(seed: number, startMs = 0) {
    this.#chance = new VirtualClock(seed);
    this.#ms = startMs;
  }

  draw(): Operation {
    this.#ms += this.#below(20);
    const ms = this.#ms;
    const held = this.#held[this.#below(this.#held.length)];
    const list = this.#lists[this.#below(this.#lists.length)];
    const kind = this.#below(100);
    if (kind < 25) {
      const again = this.#one(['never', 'settled', 'always'] as const);
      return { op: 'submit', ms, name: this.#name(), again, priority: this.#below(3) };
    }
    if (kind < 50)
      return { op: 'lease', ms, holder: this.#one(['one', 'two', 'three']), until: ms + this.#below(60) };
    if (kind < 60 && held !== undefined) return { op: 'renew', ms, held, until: ms + this.#below(60) };
    if (kind < 80 && held !== undefined) return this.#settle(ms, held);
    if (kind < 88) return { op: 'lapse', ms };
    if (kind < 91) return { op: 'cancel', ms, name: this.#name() };
    if (kind < 94) return { op: 'requeue', ms, name: this.#name() };
    if (kind < 96) return { op: this.#one(['replace', 'replace', 'believe']), ms, key: this.#key() };
    if (list === undefined) return { op: 'lapse', ms };
    return { op: 'extend', ms, list, to: Math.min(list.names.length, list.at + 1 + this.#below(2)) };
  }

  /** What was answered: leases can be used from then on, lists be extended. */
  learn(operation: Operation, answer: Answer): void {
    if (operation.op === 'lease' && typeof answer === 'string') {
      const [name = '', fence] = answer.split(' ');
      this.#held.push({ name, fence: Number(fence), holder: operation.holder });
      if (this.#held.length > 12) this.#held.shift();
    }
    if (operation.op === 'settle' && operation.list !== null && answer === 'settled') {
      const { digest, list: names, held } = operation;
      this.#lists.push({ digest, job: held.name, names, at: 0 });
    }
    if (operation.op === 'extend' && answer === true) {
      const { list, to } = operation;
      this.#lists.splice(this.#lists.indexOf(list), 1);
      if (to < list.names.length) this.#lists.push({ ...list, at: to });
    }
  }

  /** Sometimes what was said already is said again, sometimes something else. */
  #settle(ms: number, held: HeldName): Operation {
    const isRepeated = this.#below(4) === 0;
    if (!isRepeated) this.#digests += 1;
    const digest = isRepeated ? `${held.name} ${held.fence}` : `${held.name} ${held.fence} ${this.#digests}`;
    const how = this.#one<How>(['done', 'done', 'failed', 'retry', 'handed-back']);
    const next = this.#below(2) === 0 ? this.#name() : null;
    const list = this.#below(6) === 0 ? Array.from({ length: 4 }, () => this.#name()) : null;
    return { op: 'settle', ms, held, how, digest, key: this.#key(), next, list };
  }

  #key(): KeyDigit {
    return this.#one(['A', 'B']);
  }

  #name(): string {
    return this.#one(allNames);
  }

  #one<T>(list: readonly [T, ...T[]]): T {
    return list[this.#below(list.length)] ?? list[0];
  }

  #below(count: number): number {
    return Math.floor(this.#chance.random() * count);
  }
}

/** Does an operation on a real ledger; answers in the model's words. */
export async function perform(ledger: Ledger, operation: Operation): Promise<Answer> {
  const now = at(operation.ms);
  switch (operation.op) {
    case 'submit':
      return await ledger.submit([jobOf(operation.name, operation)], now);
    case 'lease': {
      const asked = ask(operation.holder, { queue: 'get', inputsAhead: 1_000, until: operation.until });
      const job = await ledger.lease(asked, now);
      return job === undefined ? null : `${job.about.split(' ')[0]} ${job.fence}`;
    }
    case 'renew':
      return await ledger.renew(heldIn(operation.held), operation.until, now);
    case 'settle':
      return await ledger.settle(heldIn(operation.held), endingOf(operation), now);
    case 'lapse':
      return await ledger.lapse(now);
    case 'cancel':
    case 'requeue':
      return await ledger.steer({ job: inputsOf(operation.name).id }, operation.op, now);
    case 'replace': {
      const builds = allNames.map(buildOf);
      const { begun, withdrawn } = await ledger.replace(keyOf(operation.key), builds, { rebuild: true }, now);
      return `${begun} ${withdrawn}`;
    }
    case 'believe':
      return await ledger.believe(keyOf(operation.key), now);
    case 'extend': {
      const { names, digest, job, at: offset } = operation.list;
      const list = {
        list: hashOf(digest),
        count: names.length,
        offset,
        job: inputsOf(job).id,
        getSeconds: null,
      };
      const slice = names.slice(offset, operation.to).map((name) => jobOf(name));
      return await ledger.extend(list, operation.to, slice, now);
    }
  }
}

function jobOf(
  name: string,
  { again, priority }: { again: Again; priority: number } = { again: 'never', priority: 1 },
): JobSpec {
  return inputsOf(name, { again, priority, group: groupOf(name) });
}

function endingOf({ held, how, digest, key, next, list }: Extract<Operation, { op: 'settle' }>): Ending {
  const files = pathsOf(held.name, key).map((path) => ({
    path: parsePublicationPath(path),
    sha256: hashOf(digest),
    size: 1,
    signedBy: keyOf(key),
  }));
  return ending(digest, dispositions[how], {
    next: list !== null ? { list: hashOf(digest), count: list.length } : next === null ? [] : [jobOf(next)],
    result: { state: shownAfter[how], ...judged(verdictAfter[how]) },
    publish: { class: 'attested', group: folderOf(held.name), files },
  });
}

function judged(verdict: 'reproducible' | 'failure' | null): Partial<ResultPatch> {
  if (verdict === null) return {};
  return { verdict, signedBy: verdict === 'failure' ? [] : [keyOf('A')] };
}

const dispositions: Readonly<Record<How, Disposition>> = {
  done: { is: 'done' },
  failed: { is: 'failed', code: 'build-failed' },
  retry: { is: 'retry', code: 'sandbox', fault: 'ours', delayMs: retryMs },
  'handed-back': { is: 'handed-back' },
};
