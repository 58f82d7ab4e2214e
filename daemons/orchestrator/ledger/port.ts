import type { FeedBuild } from '../../lib/contracts/documents/feed.ts';
import type { JudgedFile } from '../../lib/contracts/documents/judged-file.ts';
import type { ResultRow, ResultWhole, SignedRow, VerdictRow } from '../../lib/contracts/documents/views.ts';
import type { Carried, Payloads, Queue } from '../../lib/contracts/job.ts';
import type { Outcome } from '../../lib/contracts/return.ts';
import type { Architecture, Fingerprint, PublicationPath, QubeName, Sha256 } from '../../lib/domain/names.ts';
import type { FailureCode, ShownState } from '../../lib/domain/verdict.ts';
import type { BuildId, JobId } from '../ids.ts';

/**
 * The orchestrator's memory (DESIGN §6). No method waits for anything but its storage, or reads a clock: the doors
 * wait, the moment is passed in.
 */

/** Milliseconds of ledger time: the last stored value plus what ran since; it stands still while nothing runs. */
export type Ms = number;
/** `wall` is only ever shown. */
export type Moment = Readonly<{ ms: Ms; wall: number }>;

export type Held = Readonly<{ job: JobId; fence: number; holder: QubeName }>;

/** A payload as it is kept: what only the door knows at lease time is not in it yet. */
export type StoredPayload =
  | Exclude<Payloads[Queue], Payloads['upload']>
  | Readonly<{ kind: 'publication'; publication: Sha256 | null; carried?: Carried | undefined }>;

/** What a new build begins with. */
export type BuildSeed = Readonly<{
  spec: FeedBuild['build'];
  files: readonly JudgedFile[];
  /** Seconds its feed took. */
  getSeconds: number | null;
}>;

export type JobSpec = Readonly<{
  id: JobId;
  queue: Queue;
  kind: string;
  payload: StoredPayload;
  /** For people: what the job is about. */
  about: string;
  dist: string | null;
  build: BuildId | null;
  /** Two jobs of one group are never leased at once. */
  group: string | null;
  /** The architecture a worker must have; `all` and null need none. */
  architecture: Architecture | null;
  /** Lower is wanted sooner. */
  priority: number;
  /** The place among equal priority, inherited by what follows a job; absent: the end. */
  line?: number;
  /** Ms until it may be leased. */
  delayMs?: number;
  /** Ms between its end and its next beginning. */
  restMs?: number;
  /**
   * What submitting it again does: nothing; starts a settled one anew; and with `always`, one that is leased now runs
   * once more after it has settled.
   */
  again: 'never' | 'settled' | 'always';
  seed?: BuildSeed;
}>;

/** A list too long for one step: an object of JSON lines, submitted in slices by {@link Ledger.extend}. */
export type LongList = Readonly<{ list: Sha256; count: number }>;
export type Next = readonly JobSpec[] | LongList;
/** A long list of which `offset` lines are submitted. */
export type OpenList = LongList & Readonly<{ offset: number; job: JobId; getSeconds: number | null }>;

export const jobStates = ['pending', 'leased', 'settled', 'set-aside', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

export type JobRecord = Omit<JobSpec, 'delayMs' | 'restMs' | 'seed' | 'line'> &
  Readonly<{
    line: number;
    state: JobState;
    fence: number;
    holder: QubeName | null;
    leasedAt: Ms;
    deadline: Ms;
    tries: number;
    /** Failures so far, by whose fault they were. */
    failed: Readonly<{ package: number; ours: number }>;
    /** How many workers were lost while they held it. */
    kills: number;
    resume: string | null;
    code: FailureCode | null;
    say: string | null;
    log: Sha256 | null;
    progress: string | null;
    submitted: number;
    changed: number;
  }>;

export type Ask = Readonly<{
  queue: Queue;
  holder: QubeName;
  kinds?: readonly string[];
  architectures?: readonly Architecture[];
  /** Builds that may be ahead of the rebuilders: inputs being brought or waiting to be built. */
  inputsAhead: number;
  /** The lease's first deadline. */
  until: Ms;
}>;

/** What becomes of the job: done for good, or pending again. */
export type Disposition =
  | Readonly<{ is: 'done' }>
  | Readonly<{ is: 'failed'; code: FailureCode }>
  | Readonly<{ is: 'retry'; code: FailureCode; fault: 'package' | 'ours'; delayMs: number }>
  | Readonly<{ is: 'handed-back' }>;

/** Verdicts of failure for which nothing was signed, kept of one build: the newest. All others are kept for good. */
export const maxFailuresKept = 20;

/**
 * Members of a result that a step changes; absent ones stay. Seconds are merged one by one. A verdict that is not null is
 * added to the build's history, and where something was signed for it, to what the row says is attested.
 */
export type ResultPatch = Partial<
  Pick<ResultRow, 'verdict' | 'code' | 'say' | 'files' | 'log' | 'attestation' | 'selfHosted' | 'environment'>
> &
  Partial<Pick<ResultWhole, 'recipe' | 'report' | 'buildinfo' | 'publish'>> &
  Readonly<{
    state: ShownState;
    seconds?: Partial<ResultRow['seconds']>;
    /** The keys that signed what is published with the verdict. */
    signedBy?: readonly Fingerprint[];
  }>;

export const publicationClasses = ['attested', 'page'] as const;
export type PublicationClass = (typeof publicationClasses)[number];
export type PublicationFile = Readonly<{ path: PublicationPath; sha256: Sha256; size: number }>;

/**
 * `attested` files are merged into the publication; `page` files replace those of that class. What revoked keys signed in
 * the group leaves it as soon as it is superseded.
 */
export type PublicationChange = Readonly<{
  class: PublicationClass;
  group: string | null;
  files: readonly (PublicationFile & Readonly<{ signedBy?: Fingerprint | undefined }>)[];
}>;

/** What keeps an object: a result's parts, a feed's evidence. A new list of one owner and role replaces the old. */
export const referenceRoles = [
  'recipe',
  'report',
  'buildinfo',
  'log',
  'attestation',
  'evidence',
  'file',
  'publish',
] as const;
/** What pages may show, and so a qube with a net may have unsigned: logs, but no file that a build made (DESIGN §3). */
export const shownRoles = ['log', 'attestation', 'publish'] as const satisfies readonly ReferenceRole[];
export type ReferenceRole = (typeof referenceRoles)[number];
export type References = Readonly<{ owner: string; role: ReferenceRole; objects: readonly Sha256[] }>;

/** How a lease ends, made by the pure function in pipeline.ts. */
export type Ending = Readonly<{
  digest: Sha256;
  outcome: Outcome;
  disposition: Disposition;
  say: string;
  log: Sha256 | null;
  next: Next;
  /** Where a feed may go on the next time; absent: as before. */
  resume?: string | null;
  result?: ResultPatch;
  publish?: PublicationChange;
  references?: readonly References[];
  /** Dists that were read, or could not be. */
  feeds?: Readonly<{ dists: readonly string[]; read: boolean }>;
  getSeconds?: number;
}>;

export type Which =
  | Readonly<{ job: JobId }>
  | Readonly<{ build: BuildId }>
  | Readonly<{ queue: Queue }>
  | Readonly<{ dist: string }>
  | Readonly<{ all: true }>;
export type Act = 'cancel' | 'requeue' | 'pause' | 'resume' | 'drain' | 'resign';

/** How many builds began again, and how many documents left the publication. */
export type Replaced = Readonly<{ begun: number; withdrawn: number }>;
/** A key that is not to be believed any more, from when on (wall time), and how many builds it still signed. */
export type RevokedKey = Readonly<{
  key: Fingerprint;
  since: number;
  builds: number;
  /** Something that it signed was published after that. */
  stillSigns: boolean;
}>;

/** Who handed an object in: a queue's worker, or a trigger. */
export type Origin = Queue | 'trigger';

export interface Ledger {
  /** How many became pending by it; known keys are untouched but for what `again` says. */
  submit(next: readonly JobSpec[], now: Moment): Promise<number>;
  /** Lends the job that fits best; its fence is one more than before. A holder of as many as Renew can name gets none. */
  lease(ask: Ask, now: Moment): Promise<JobRecord | undefined>;
  /** Keeps what the door completed a leased job's payload with: its worker may fetch what that refers to. */
  complete(held: Held, payload: StoredPayload): Promise<void>;
  /** Moves a lease's deadline. An overdue one that was not lent again is held again. */
  renew(held: Held, until: Ms, now: Moment, progress?: string): Promise<'held' | 'cancelled' | 'lost'>;
  /** Closes the lease and does all that follows, as one step. Repeated with the same digest: `already`. */
  settle(held: Held, end: Ending, now: Moment): Promise<'settled' | 'already' | 'lost'>;
  /** Overdue leases: pending again, or set aside. How many. */
  lapse(now: Moment): Promise<number>;
  steer(which: Which, act: Act, now: Moment): Promise<number>;
  /**
   * Has what a key signed until now replaced by what other keys sign: withdraws of these builds' documents what is
   * superseded, at once and whenever more is, and begins those again that still have some, from their rebuilt files, or
   * where these are gone and `rebuild` says so, from their inputs.
   */
  replace(
    key: Fingerprint,
    builds: readonly BuildId[],
    how: Readonly<{ rebuild: boolean }>,
    now: Moment,
  ): Promise<Replaced>;
  /**
   * Takes out of the publication what a key signed before it was to be replaced and nothing has taken the place of, but
   * for builds that are under way. How many documents that were.
   */
  withdraw(key: Fingerprint, now: Moment): Promise<number>;
  /** The key is to be believed after all: no more of what it signed is withdrawn. How many keys that changes. */
  believe(key: Fingerprint, now: Moment): Promise<number>;
  /** Gives every lease at least until then: at start, workers may have been away as long as we were. */
  revive(until: Ms, now: Moment): Promise<number>;
  /** Submits a slice of an open list and moves its offset; false if the list has moved on meanwhile. */
  extend(list: OpenList, to: number, slice: readonly JobSpec[], now: Moment): Promise<boolean>;
  /** Notes that a worker of that queue handed these objects in. */
  received(origin: Origin, objects: readonly Sha256[]): Promise<void>;
  /** Forgets everything about objects that were removed. */
  forget(objects: readonly Sha256[]): Promise<void>;
  close(): Promise<void>;
}

export type Page<T> = Readonly<{ rows: readonly T[]; cursor: string | null }>;
export type PageRequest = Readonly<{ cursor?: string | undefined; limit: number }>;

export type Counts = Readonly<{
  queues: readonly Readonly<{ queue: Queue; kind: string; state: JobState; count: number }>[];
  states: readonly Readonly<{ dist: string; state: ShownState; count: number }>[];
  paused: readonly Readonly<{ scope: 'all' | 'queue' | 'dist'; value: string; act: 'pause' | 'drain' }>[];
}>;

export type FeedRecord = Readonly<{ dist: string; lastRead: number | null; lastMs: Ms; say: string | null }>;

/** Reads, one method a view; long ones page by a cursor. */
export interface History {
  /** The last stored ledger time. */
  storedMs(): Promise<Ms>;
  isEmpty(): Promise<boolean>;
  job(id: JobId): Promise<JobRecord | undefined>;
  jobs(
    filter: Readonly<{
      queue?: Queue | undefined;
      state?: JobState | undefined;
      build?: BuildId | undefined;
    }>,
    page: PageRequest,
  ): Promise<Page<JobRecord>>;
  /** What an equal digest under an equal fence would be answered: `open` means it may still settle. */
  standing(held: Held, digest: Sha256): Promise<'open' | 'already' | 'lost' | 'foreign'>;
  result(build: BuildId): Promise<ResultWhole | undefined>;
  results(
    filter: Readonly<{ dist?: string | undefined; source?: string | undefined }>,
    page: PageRequest,
  ): Promise<Page<ResultWhole>>;
  /** Every verdict that a build was settled with, the oldest first. */
  verdicts(build: BuildId, page: PageRequest): Promise<Page<VerdictRow>>;
  /** The builds of the verdicts after that number, the newest first; `last` is that of the newest, or the one given. */
  settledSince(verdict: number, limit: number): Promise<Carried>;
  /** The builds of which something published is signed by a key, and what replacing it takes. */
  signedBy(key: Fingerprint, page: PageRequest): Promise<Page<SignedRow>>;
  /** The keys that were to be replaced and are not yet. */
  revoked(): Promise<readonly RevokedKey[]>;
  counts(): Promise<Counts>;
  feeds(): Promise<readonly FeedRecord[]>;
  /** The publication in order of its paths. */
  publication(page: PageRequest): Promise<Page<PublicationFile>>;
  published(group: string): Promise<readonly PublicationFile[]>;
  openLists(): Promise<readonly OpenList[]>;
  /** Pending jobs that became due after `since`, up to `until`: the queues whose waiters may try again. */
  due(since: Ms, until: Ms): Promise<readonly Queue[]>;
  origins(object: Sha256): Promise<readonly Origin[]>;
  /** Whether the publication, a job as its log, or a result or verdict in one of these roles refers to it. */
  isReferred(object: Sha256, roles: readonly ReferenceRole[]): Promise<boolean>;
  /** Every object that something refers to, by pages: what collection must leave. */
  referred(without: readonly ReferenceRole[], page: PageRequest): Promise<Page<Sha256>>;
  /** Jobs that are not over, by pages: what they refer to stays, too. */
  unfinished(page: PageRequest): Promise<Page<JobRecord>>;
}
