import {
  type JobRow,
  parseJobRow,
  parseResultRow,
  type ResultRow,
} from '../../lib/contracts/documents/views.ts';
import type { SourceName } from '../../lib/domain/names.ts';
import type { FailureCode } from '../../lib/domain/verdict.ts';
import { queryRows } from '../../lib/wire/rows.ts';
import type { Context } from '../context.ts';
import { readLog } from '../job-log.ts';

/** Ended without a build: what the archive holds could not be read, or holds no such source. */
export class NoBuild extends Error {
  override readonly name = 'NoBuild';
  constructor(
    readonly code: FailureCode,
    say: string,
  ) {
    super(say);
  }
}

export interface Followed {
  readonly source: SourceName;
  /** The job that looks the source up. */
  readonly feedJob: string;
  /** Where the live log goes; absent: nowhere. */
  readonly log?: (bytes: Buffer) => void;
}

/** Each look costs a call: it comes after a tenth of the time in which nothing happened, within these. */
const soonestMs = 250;
const latestMs = 1_000;
/** A live log comes once a minute; asking this often shows it soon enough. */
const logEveryMs = 2_000;

/**
 * Tells each change of each job, one line each, until every build of the source has its verdict.
 *
 * @returns the settled results, the architecture-dependent part first
 * @throws NoBuild, CallError
 */
export async function followRebuild(
  context: Pick<Context, 'caller' | 'clock' | 'stop' | 'terminal'>,
  followed: Followed,
): Promise<ResultRow[]> {
  const { clock, stop } = context;
  const teller = new Teller(context, followed.log);
  let lastChange = clock.monotonic();
  for (;;) {
    const { jobs, changed } = await teller.tell();
    const feed = jobs.find((job) => job.id === followed.feedJob);
    if (feed !== undefined) failIfNoFeed(feed);
    if (changed) {
      lastChange = clock.monotonic();
      const rows = await resultsOf(context, followed.source);
      if (rows.length > 0 && rows.every((row) => row.verdict !== null)) {
        // The last job may have ended between the two questions: why it failed is told, too.
        await teller.tell();
        return rows;
      }
      // Builds are entered in the step that settles their feed: a settled feed without any found none.
      if (rows.length === 0 && feed?.state === 'settled') {
        throw new NoBuild('source-missing', feed.say ?? `${feed.about}: nothing found`);
      }
      const cancelled = jobs.find((job) => job.build !== null && job.state === 'cancelled');
      if (cancelled !== undefined) throw new NoBuild('protocol', `${cancelled.about}: cancelled`);
    }
    const quietMs = clock.monotonic() - lastChange;
    await clock.sleep(Math.min(Math.max(quietMs / 10, soonestMs), latestMs), stop);
  }
}

/** Asks for the jobs, and tells what it did not tell before. */
class Teller {
  readonly #told = new Map<string, string>();
  readonly #started: number;
  readonly #logs: LiveLogs;

  constructor(
    readonly context: Pick<Context, 'caller' | 'clock' | 'stop' | 'terminal'>,
    log: Followed['log'],
  ) {
    this.#started = context.clock.monotonic();
    this.#logs = new LiveLogs(context, log);
  }

  async tell(): Promise<{ jobs: readonly JobRow[]; changed: boolean }> {
    const { caller, clock, stop, terminal } = this.context;
    const jobs = await all(queryRows(caller, 'jobs', {}, { parse: parseJobRow, signal: stop }));
    let changed = false;
    for (const job of jobs) {
      const line = describeJob(job);
      if (line === undefined || this.#told.get(job.id) === line) continue;
      this.#told.set(job.id, line);
      terminal.note(`${elapsed(clock.monotonic() - this.#started)}  ${line}`);
      changed = true;
    }
    for (const job of jobs) await this.#logs.read(job, clock.monotonic());
    return { jobs, changed };
  }
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const row of rows) list.push(row);
  return list;
}

async function resultsOf(
  { caller, stop }: Pick<Context, 'caller' | 'stop'>,
  source: SourceName,
): Promise<ResultRow[]> {
  const rows = await all(queryRows(caller, 'results', { source }, { parse: parseResultRow, signal: stop }));
  return rows.sort((a, b) => (a.parts.join('+') < b.parts.join('+') ? 1 : -1));
}

const ended: ReadonlySet<JobRow['state']> = new Set(['settled', 'set-aside', 'cancelled']);

function failIfNoFeed(feed: JobRow): void {
  if (ended.has(feed.state) && feed.code !== null) throw new NoBuild(feed.code, feed.say ?? feed.code);
  if (feed.state === 'set-aside' || feed.state === 'cancelled') {
    throw new NoBuild('protocol', feed.say ?? `${feed.about}: ${feed.state}`);
  }
}

const words: Readonly<Record<string, string>> = {
  feed: 'reading the archive',
  inputs: 'bringing source and dependencies',
  rebuild: 'building',
  attest: 'judging and signing',
};

/** One line for people; undefined for jobs that are none of this rebuild's concern. */
export function describeJob(job: JobRow): string | undefined {
  const doing = words[job.id.slice(job.id.indexOf('.') + 1)];
  if (doing === undefined) return undefined;
  const said = job.say === null || job.say === '' ? '' : ` (${job.say})`;
  switch (job.state) {
    case 'pending':
      return job.code === null
        ? `${job.about}: waiting, then ${doing}`
        : `${job.about}: again after ${job.code}${said}`;
    case 'leased':
      return `${job.about}: ${job.progress ?? doing}`;
    case 'settled':
      return job.code === null
        ? `${job.about}: done ${doing}${said}`
        : `${job.about}: failed ${doing}: ${job.code}${said}`;
    default:
      return `${job.about}: ${job.state}${said}`;
  }
}

function elapsed(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(7)} s`;
}

class LiveLogs {
  readonly #offsets = new Map<string, number>();
  #last = Number.NEGATIVE_INFINITY;

  constructor(
    readonly context: Pick<Context, 'caller' | 'stop'>,
    readonly write: ((bytes: Buffer) => void) | undefined,
  ) {}

  async read(job: JobRow, now: number): Promise<void> {
    if (this.write === undefined || !job.id.endsWith('.rebuild') || job.state === 'pending') return;
    const over = ended.has(job.state);
    const offset = this.#offsets.get(job.id) ?? 0;
    if (offset === Number.POSITIVE_INFINITY || (!over && now - this.#last < logEveryMs)) return;
    this.#last = now;
    const { length } = await readLog(this.context, job.id, offset, this.write);
    this.#offsets.set(job.id, over ? Number.POSITIVE_INFINITY : offset + length);
  }
}
