import { type Held, type History, maxFailuresKept } from '../../../daemons/orchestrator/ledger/port.ts';
import { hashOf, inputsOf, keyOf } from './given.ts';

/** A ledger in a few maps: what each operation should do, without storage. The real one is compared with it. */

export type Operation =
  | Readonly<{ op: 'submit'; ms: number; name: string; again: Again; priority: number }>
  | Readonly<{ op: 'lease'; ms: number; holder: string; until: number }>
  | Readonly<{ op: 'renew'; ms: number; held: HeldName; until: number }>
  | Readonly<{
      op: 'settle';
      ms: number;
      held: HeldName;
      how: How;
      digest: string;
      key: KeyDigit;
      next: string | null;
      list: readonly string[] | null;
    }>
  | Readonly<{ op: 'lapse'; ms: number }>
  | Readonly<{ op: 'cancel' | 'requeue'; ms: number; name: string }>
  | Readonly<{ op: 'replace' | 'believe'; ms: number; key: KeyDigit }>
  | Readonly<{ op: 'extend'; ms: number; list: OpenList; to: number }>;
/** The key whose fingerprint is this digit again and again. */
export type KeyDigit = 'A' | 'B';
export type Again = 'never' | 'settled' | 'always';
/** A list as whoever submits it last saw it. */
export type OpenList = Readonly<{ digest: string; job: string; names: readonly string[]; at: number }>;
export type HeldName = Readonly<{ name: string; fence: number; holder: string }>;
export type How = 'done' | 'failed' | 'retry' | 'handed-back';
export type Answer = string | number | boolean | null;

export const retryMs = 50;
const maxKills = 3;

interface Job {
  readonly name: string;
  priority: number;
  line: number;
  state: 'pending' | 'leased' | 'settled' | 'set-aside' | 'cancelled';
  due: number;
  fence: number;
  holder: string | null;
  leasedAt: number;
  deadline: number;
  renewed: boolean;
  kills: number;
  rerun: boolean;
  settledFence: number;
  digest: string | null;
  shown: string;
  /** The verdicts it was settled with, the oldest first. */
  readonly verdicts: string[];
}

interface Published {
  readonly digest: string;
  readonly key: KeyDigit;
  readonly name: string;
  readonly put: number;
}

export class LedgerModel {
  readonly jobs = new Map<string, Job>();
  readonly published = new Map<string, Published>();
  /** Until when what a key signed is to be replaced. */
  readonly revoked = new Map<KeyDigit, number>();
  readonly lists = new Map<string, { job: string; names: readonly string[]; at: number }>();
  #line = 0;

  copy(): LedgerModel {
    const copied = new LedgerModel();
    for (const [name, job] of this.jobs) copied.jobs.set(name, { ...job, verdicts: [...job.verdicts] });
    for (const [path, file] of this.published) copied.published.set(path, file);
    for (const [key, ms] of this.revoked) copied.revoked.set(key, ms);
    for (const [name, list] of this.lists) copied.lists.set(name, { ...list });
    copied.#line = this.#line;
    return copied;
  }

  apply(operation: Operation): Answer {
    switch (operation.op) {
      case 'submit':
        return this.#submit(operation, operation.ms) ? 1 : 0;
      case 'lease':
        return this.#lease(operation.holder, operation.ms, operation.until);
      case 'renew':
        return this.#renew(operation.held, operation.until);
      case 'settle':
        return this.#settle(operation);
      case 'lapse':
        return this.#lapse(operation.ms);
      case 'cancel':
        return this.#cancel(operation.name);
      case 'requeue':
        return this.#requeue(operation.name, operation.ms);
      case 'extend':
        return this.#extend(operation);
      case 'replace':
        return this.#replace(operation.key, operation.ms);
      case 'believe':
        return this.revoked.delete(operation.key) ? 1 : 0;
    }
  }

  #submit(
    spec: Pick<Extract<Operation, { op: 'submit' }>, 'name' | 'again' | 'priority'>,
    ms: number,
  ): boolean {
    const known = this.jobs.get(spec.name);
    if (known === undefined) {
      const { name, priority } = spec;
      const counters = { line: this.#next(), fence: 0, leasedAt: 0, deadline: 0, kills: 0, settledFence: 0 };
      const flags = { renewed: false, rerun: false, holder: null, digest: null };
      this.jobs.set(name, {
        name,
        priority,
        state: 'pending',
        shown: 'pending',
        due: ms,
        ...counters,
        ...flags,
        verdicts: [],
      });
      return true;
    }
    if (spec.again === 'never') return false;
    if (known.state === 'leased') {
      known.rerun ||= spec.again === 'always';
      return false;
    }
    if (known.state === 'pending') {
      known.due = Math.min(known.due, ms);
      known.priority = Math.min(known.priority, spec.priority);
      return false;
    }
    Object.assign(known, { priority: spec.priority, line: this.#next(), rerun: false });
    this.#waitAgain(known, ms);
    return true;
  }

  #waitAgain(job: Job, ms: number): void {
    Object.assign(job, {
      state: 'pending',
      shown: 'pending',
      due: ms,
      fence: job.fence + 1,
      holder: null,
      kills: 0,
    });
  }

  #lease(holder: string, ms: number, until: number): string | null {
    const leased = [...this.jobs.values()].filter((job) => job.state === 'leased');
    const busy = new Set(leased.map((job) => groupOf(job.name)));
    const [job] = [...this.jobs.values()]
      .filter(
        (one) =>
          one.state === 'pending' &&
          one.due <= ms &&
          (groupOf(one.name) === null || !busy.has(groupOf(one.name))),
      )
      .sort((a, b) => a.priority - b.priority || a.line - b.line);
    if (job === undefined) return null;
    const lent = {
      state: 'leased',
      shown: 'running',
      holder,
      leasedAt: ms,
      deadline: until,
      renewed: false,
      rerun: false,
    };
    Object.assign(job, lent, { fence: job.fence + 1 });
    return `${job.name} ${job.fence}`;
  }

  /** The lease that this claims to be, if it may still do something. */
  #held({ name, fence, holder }: HeldName): Job | undefined {
    const job = this.jobs.get(name);
    const isIt =
      job?.fence === fence && job.holder === holder && job.settledFence < fence && job.state !== 'settled';
    return isIt ? job : undefined;
  }

  #isOvertaken(job: Job): boolean {
    const group = groupOf(job.name);
    if (group === null || job.state === 'leased') return false;
    return [...this.jobs.values()].some(
      (other) =>
        other !== job &&
        groupOf(other.name) === group &&
        (other.state === 'leased' || other.leasedAt > job.leasedAt),
    );
  }

  #renew(held: HeldName, until: number): string {
    const job = this.#held(held);
    if (job === undefined) return 'lost';
    if (job.state === 'cancelled') return 'cancelled';
    if (this.#isOvertaken(job)) return 'lost';
    Object.assign(job, { state: 'leased', shown: 'running', deadline: until, renewed: true });
    return 'held';
  }

  #settle({ held, how, digest, key, next, list, ms }: Extract<Operation, { op: 'settle' }>): string {
    const known = this.jobs.get(held.name);
    if (known?.settledFence === held.fence && known.digest === digest) return 'already';
    const job = this.#held(held);
    if (job === undefined || job.state === 'cancelled' || this.#isOvertaken(job)) return 'lost';
    Object.assign(job, { settledFence: job.fence, digest, shown: shownAfter[how] });
    this.#judge(job, verdictAfter[how]);
    if (how === 'retry' || how === 'handed-back') {
      Object.assign(job, { state: 'pending', due: ms + (how === 'retry' ? retryMs : 0) });
    } else {
      job.state = 'settled';
      if (job.rerun) Object.assign(job, { state: 'pending', rerun: false, kills: 0, due: ms });
    }
    if (list !== null) this.lists.set(digest, { job: job.name, names: list, at: 0 });
    else if (next !== null) this.#submit({ name: next, again: 'never', priority: 1 }, ms);
    for (const path of pathsOf(job.name, key))
      this.published.set(path, { digest, key, name: job.name, put: ms });
    for (const path of this.#superseded(folderOf(job.name))) this.published.delete(path);
    return 'settled';
  }

  #isRevoked({ key, put }: Published): boolean {
    return put <= (this.revoked.get(key) ?? Number.NEGATIVE_INFINITY);
  }

  /** `also`: a key to be taken for a revoked one. */
  #superseded(folder: string, also?: KeyDigit): readonly string[] {
    const links = [...this.published]
      .filter(([path]) => path.startsWith(`${folder}/`) && path.endsWith('.link'))
      .map(([path, file]) => {
        const label = path.split('.').slice(2, -1).join();
        return { path, label, isOld: this.#isRevoked(file) || file.key === also };
      });
    const isReplaced = (label: string) => links.some((one) => one.label === label && !one.isOld);
    const old = links.filter(({ isOld }) => isOld);
    const isOver = old.every(({ label }) => label === '' || isReplaced(label));
    return old.filter(({ label }) => isReplaced(label) && (label !== '' || isOver)).map(({ path }) => path);
  }

  #replace(key: KeyDigit, ms: number): string {
    this.revoked.set(key, ms);
    let begun = 0;
    let withdrawn = 0;
    for (const job of this.jobs.values()) {
      const left = () => [...this.published].filter(([, file]) => file.key === key && file.name === job.name);
      if (left().length === 0) continue;
      for (const path of this.#superseded(folderOf(job.name))) {
        this.published.delete(path);
        withdrawn += 1;
      }
      const replaced = this.#superseded(folderOf(job.name), key);
      const isOver = left().every(([path]) => replaced.includes(path));
      if (isOver || ['pending', 'running', 'retry'].includes(job.shown) || job.state === 'leased') continue;
      this.#waitAgain(job, ms);
      begun += 1;
    }
    return `${begun} ${withdrawn}`;
  }

  #lapse(ms: number): number {
    const overdue = [...this.jobs.values()].filter((job) => job.state === 'leased' && job.deadline < ms);
    for (const job of overdue) {
      job.kills += job.renewed ? 1 : 0;
      const isSetAside = job.kills >= maxKills;
      Object.assign(
        job,
        isSetAside ? { state: 'set-aside', shown: 'failure' } : { state: 'pending', shown: 'pending' },
      );
      job.due = ms;
      if (isSetAside) this.#judge(job, 'failure');
    }
    return overdue.length;
  }

  /** What was signed is never dropped, of failures the oldest. */
  #judge({ verdicts }: Job, verdict: string | null): void {
    if (verdict === null) return;
    verdicts.push(verdict);
    if (verdicts.filter((one) => one === 'failure').length > maxFailuresKept) {
      verdicts.splice(verdicts.indexOf('failure'), 1);
    }
  }

  #cancel(name: string): number {
    const job = this.jobs.get(name);
    if (job === undefined || !['pending', 'leased', 'set-aside'].includes(job.state)) return 0;
    Object.assign(job, { state: 'cancelled', shown: 'failure' });
    return 1;
  }

  #requeue(name: string, ms: number): number {
    const job = this.jobs.get(name);
    if (job === undefined || job.state === 'leased') return 0;
    this.#waitAgain(job, ms);
    return 1;
  }

  #extend({ list: seen, to, ms }: Extract<Operation, { op: 'extend' }>): boolean {
    const list = this.lists.get(seen.digest);
    if (list?.at !== seen.at) return false;
    for (const name of list.names.slice(seen.at, to)) this.#submit({ name, again: 'never', priority: 1 }, ms);
    list.at = to;
    if (to >= list.names.length) this.lists.delete(seen.digest);
    return true;
  }

  #next(): number {
    this.#line += 1;
    return this.#line;
  }

  /** All that both can tell, in one text. */
  describe(): string {
    const jobs = [...this.jobs.values()].map((job) =>
      [
        inputsOf(job.name).id,
        job.state,
        job.fence,
        job.holder,
        job.kills,
        job.shown,
        ...job.verdicts,
        job.verdicts.includes('reproducible'),
      ].join(' '),
    );
    const published = [...this.published].map(([path, { digest }]) => `${path} ${hashOf(digest)}`);
    const signed = [...this.published].map(([, { key, name }]) => `${name} ${key}`);
    const lists = [...this.lists].map(
      ([digest, list]) => `${hashOf(digest)} ${list.at}/${list.names.length}`,
    );
    return [...jobs.sort(), ...published.sort(), ...signed.sort(), ...lists.sort()].join('\n');
  }
}

export const shownAfter = {
  done: 'reproducible',
  failed: 'failure',
  retry: 'retry',
  'handed-back': 'pending',
} as const;

export const verdictAfter = {
  done: 'reproducible',
  failed: 'failure',
  retry: null,
  'handed-back': null,
} as const;

/** The real ledger, told the same way; its kept counts are checked against its rows. */
export async function describeLedger(history: History): Promise<string> {
  const { rows } = await history.jobs({}, { limit: 100_000 });
  const jobs: string[] = [];
  const counted = new Map<string, number>();
  for (const job of rows) {
    const result = await history.result(job.build ?? '');
    const verdicts = (await history.verdicts(job.build ?? '', { limit: 100_000 })).rows;
    jobs.push(
      [
        job.id,
        job.state,
        job.fence,
        job.holder,
        job.kills,
        result?.row.state,
        ...verdicts.map((one) => one.verdict),
        result?.row.attested.some((one) => one.verdict === 'reproducible'),
      ].join(' '),
    );
    for (const key of [job.state, `shown ${result?.row.state}`])
      counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  const counts = await history.counts();
  for (const { state, count } of counts.queues) checkCount(counted, state, count);
  for (const { state, count } of counts.states) checkCount(counted, `shown ${state}`, count);
  const published = (await history.publication({ limit: 100_000 })).rows.map(
    (file) => `${file.path} ${file.sha256}`,
  );
  const signed: string[] = [];
  for (const key of ['A', 'B'] as const) {
    for (const row of (await history.signedBy(keyOf(key), { limit: 100_000 })).rows) {
      signed.push(...Array.from({ length: row.documents }, () => `${row.source} ${key}`));
    }
  }
  const lists = (await history.openLists()).map((list) => `${list.list} ${list.offset}/${list.count}`);
  return [...jobs.sort(), ...published.sort(), ...signed.sort(), ...lists.sort()].join('\n');
}

/** Some builds are of one source and version: their links stand in one folder. */
export function folderOf(name: string): string {
  return `debian/sources/src${name.at(-1)}/1`;
}

/** What a build publishes: a document of its own, its link and the link of all, the links named by the key. */
export function pathsOf(name: string, key: KeyDigit): readonly string[] {
  const link = `${folderOf(name)}/rebuild.${key.toLowerCase().repeat(8)}`;
  return [`debian/sources/${name}/1/metadata`, `${link}.${name}.link`, `${link}.link`];
}

function checkCount(counted: ReadonlyMap<string, number>, key: string, count: number): void {
  if (counted.get(key) !== count) throw new Error(`${count} counted as ${key}, ${counted.get(key) ?? 0} are`);
}

export function heldIn({ name, fence, holder }: HeldName): Held {
  return { job: inputsOf(name).id, fence, holder: holder as Held['holder'] };
}

/** Some jobs exclude each other. */
export function groupOf(name: string): string | null {
  return /[05]$/.test(name) ? 'group' : null;
}
