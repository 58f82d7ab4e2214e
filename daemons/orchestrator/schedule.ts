import type { Ask, Counts, JobRecord } from './ledger/port.ts';

/** Which job fits a request best: pure, so that the simulation runs the same rule. */

export type Candidate = Pick<JobRecord, 'id' | 'kind' | 'dist' | 'group' | 'architecture'>;

export interface Load {
  /** Groups of which a job is leased. */
  readonly busyGroups: ReadonlySet<string>;
  /** Builds whose inputs are being brought, or are here and not yet leased by a rebuilder. */
  readonly ahead: number;
  readonly paused: Counts['paused'];
}

/** Jobs that begin something: the ones that drain holds back. */
const beginnings: ReadonlySet<string> = new Set(['feed', 'inputs']);

/** Kinds of the queue that may be lent now; `undefined` means all, an empty list none. */
export function kindsOffered(ask: Ask, load: Load): readonly string[] | undefined {
  const holds = (act: 'pause' | 'drain') =>
    load.paused.some(
      (pause) =>
        pause.act === act &&
        (pause.scope === 'all' || (pause.scope === 'queue' && pause.value === ask.queue)),
    );
  if (holds('pause')) return [];
  if (ask.queue !== 'get') return holds('drain') && isLast(ask.queue) ? [] : ask.kinds;
  const draining = load.paused.some(
    ({ act, scope, value }) => act === 'drain' && (scope === 'all' || (scope === 'queue' && !isLast(value))),
  );
  return ['feed', 'inputs', 'official'].filter(
    (kind) =>
      (ask.kinds === undefined || ask.kinds.includes(kind)) &&
      !(draining && beginnings.has(kind)) &&
      !(kind === 'inputs' && load.ahead >= ask.inputsAhead),
  );
}

/** Nothing comes before a report or an upload that could be held back in its stead. */
function isLast(queue: string): boolean {
  return queue === 'report' || queue === 'upload';
}

/**
 * The first candidate, most wanted first, that this worker can do now.
 *
 * @param candidates pending and due, of an offered kind, by priority and then by line
 */
export function choose<C extends Candidate>(ask: Ask, load: Load, candidates: Iterable<C>): C | undefined {
  for (const candidate of candidates) {
    if (candidate.group !== null && load.busyGroups.has(candidate.group)) continue;
    if (!canRun(ask, candidate) || isHeldBack(load, candidate)) continue;
    return candidate;
  }
  return undefined;
}

function canRun(ask: Ask, candidate: Candidate): boolean {
  const { architecture } = candidate;
  if (architecture === null || architecture === 'all' || ask.architectures === undefined) return true;
  return ask.architectures.includes(architecture);
}

function isHeldBack(load: Load, candidate: Candidate): boolean {
  return load.paused.some(
    ({ scope, value, act }) =>
      scope === 'dist' && value === candidate.dist && (act === 'pause' || beginnings.has(candidate.kind)),
  );
}
