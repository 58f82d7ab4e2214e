import { maxLeasesPerWorker } from '../../../lib/contracts/renew.ts';
import type { Fingerprint, Sha256 } from '../../../lib/domain/names.ts';
import type { BuildId } from '../../ids.ts';
import { afterLapse } from '../../pipeline.ts';
import { choose, kindsOffered, type Load } from '../../schedule.ts';
import type {
  Act,
  Ask,
  Counts,
  Ending,
  Held,
  JobRecord,
  JobSpec,
  Ledger,
  Moment,
  Ms,
  OpenList,
  Origin,
  Replaced,
  StoredPayload,
  Which,
} from '../port.ts';
import type { Database, Statement } from './database.ts';
import { JobsTable } from './jobs-table.ts';
import { ObjectsTable } from './objects-table.ts';
import { ResultsTable } from './results-table.ts';
import { type JobRowInFile, jobOf } from './rows.ts';
import { Settling } from './settling.ts';
import { SignedBuilds } from './signed-builds.ts';
import { Steering } from './steering.ts';

/** How many pending jobs one request looks at before it finds none that fits. */
const maxCandidates = 2_000;
/** How many it looks at first: nearly always the first fits, and rows are large. */
const firstCandidates = 8;

/** The ledger in one SQLite file: each method is one transaction. */
export class EmbeddedLedger implements Ledger {
  readonly #db: Database;
  readonly #jobs: JobsTable;
  readonly #results: ResultsTable;
  readonly #objects: ObjectsTable;
  readonly #signed: SignedBuilds;
  readonly #settling: Settling;
  readonly #steering: Steering;
  readonly #time: Statement<never>;
  readonly #pauses: Statement<Counts['paused'][number]>;
  readonly #busy: Statement<{ grp: string }>;
  readonly #ahead: Statement<{ n: number }>;
  readonly #candidates: Statement<JobRowInFile>;
  readonly #heldBy: Statement<{ n: number }>;
  readonly #lend: Statement<JobRowInFile>;
  readonly #complete: Statement<never>;
  readonly #renew: Statement<never>;
  readonly #overdue: Statement<JobRowInFile>;
  readonly #lapse: Statement<never>;
  readonly #revive: Statement<never>;
  readonly #moveList: Statement<never>;
  readonly #endList: Statement<never>;

  constructor(db: Database) {
    this.#db = db;
    this.#results = new ResultsTable(db);
    this.#jobs = new JobsTable(db, this.#results);
    this.#objects = new ObjectsTable(db);
    this.#signed = new SignedBuilds(db);
    this.#settling = new Settling(db, {
      jobs: this.#jobs,
      results: this.#results,
      objects: this.#objects,
      signed: this.#signed,
    });
    this.#steering = new Steering(db, this.#signed);
    this.#time = db.prepare(
      `INSERT INTO meta VALUES ('ms', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`,
    );
    this.#pauses = db.prepare('SELECT scope, value, act FROM pauses');
    this.#busy = db.prepare(`SELECT grp FROM jobs WHERE state = 'leased' AND grp IS NOT NULL`);
    this.#ahead = db.prepare(
      `SELECT (SELECT count(*) FROM jobs WHERE state = 'leased' AND kind = 'inputs')
            + (SELECT count(*) FROM jobs WHERE state = 'pending' AND queue = 'rebuild' AND not_before <= ? AND paused = 0)
         AS n`,
    );
    this.#candidates = db.prepare(
      `SELECT * FROM jobs WHERE queue = ? AND state = 'pending' AND not_before <= ? AND paused = 0
         AND (? IS NULL OR kind IN (SELECT value FROM json_each(?)))
       ORDER BY priority, line LIMIT ?`,
    );
    this.#heldBy = db.prepare(
      `SELECT count(*) AS n FROM jobs WHERE state = 'leased' AND holder = ? AND queue = ?`,
    );
    this.#lend = db.prepare(
      `UPDATE jobs SET state = 'leased', fence = fence + 1, tries = tries + 1, holder = ?, leased_at = ?, deadline = ?,
         renewed = 0, rerun = 0, progress = NULL, changed = ? WHERE seq = ? RETURNING *`,
    );
    this.#complete = db.prepare('UPDATE jobs SET payload = ? WHERE id = ? AND fence = ?');
    this.#renew = db.prepare(
      `UPDATE jobs SET state = 'leased', deadline = ?, renewed = 1, progress = coalesce(?, progress), changed = ?
       WHERE seq = ?`,
    );
    this.#overdue = db.prepare(`SELECT * FROM jobs WHERE state = 'leased' AND deadline < ?`);
    this.#lapse = db.prepare(
      'UPDATE jobs SET state = ?, kills = ?, say = ?, not_before = ?, changed = ? WHERE seq = ?',
    );
    this.#revive = db.prepare(`UPDATE jobs SET deadline = max(deadline, ?) WHERE state = 'leased'`);
    this.#moveList = db.prepare('UPDATE lists SET at = ? WHERE list = ? AND job = ? AND at = ?');
    this.#endList = db.prepare('DELETE FROM lists WHERE list = ? AND job = ? AND at >= count');
  }

  submit(next: readonly JobSpec[], now: Moment): Promise<number> {
    return this.#step(now, () => next.filter((spec) => this.#jobs.submit(spec, now)).length);
  }

  lease(ask: Ask, now: Moment): Promise<JobRecord | undefined> {
    return this.#db.step(() => {
      if ((this.#heldBy.get(ask.holder, ask.queue)?.n ?? 0) >= maxLeasesPerWorker) return undefined;
      const load = this.#load(now);
      const kinds = kindsOffered(ask, load);
      if (kinds?.length === 0) return undefined;
      const list = kinds === undefined ? null : JSON.stringify(kinds);
      const chosen = (most: number) =>
        choose(ask, load, this.#candidates.all(ask.queue, now.ms, list, list, most).map(withRow));
      const found = chosen(firstCandidates) ?? chosen(maxCandidates);
      if (found === undefined) return undefined;
      const row = this.#lend.get(ask.holder, now.ms, ask.until, now.wall, found.row.seq);
      if (row === undefined) return undefined;
      this.#time.run(now.ms);
      const job = jobOf(row);
      if (job.build !== null && job.kind !== 'official' && job.queue !== 'diff') {
        this.#results.show(job.build, 'running', now);
      }
      return job;
    });
  }

  complete(held: Held, payload: StoredPayload): Promise<void> {
    return this.#db.step(() => void this.#complete.run(JSON.stringify(payload), held.job, held.fence));
  }

  renew(held: Held, until: Ms, now: Moment, progress?: string): Promise<'held' | 'cancelled' | 'lost'> {
    return this.#step(now, () => {
      const row = this.#jobs.find(held.job);
      if (!isHeld(row, held)) return 'lost';
      if (row.state === 'cancelled') return 'cancelled';
      if (this.#settling.isOvertaken(row)) return 'lost';
      this.#renew.run(until, progress ?? null, now.wall, row.seq);
      if (row.state !== 'leased' && row.build !== null) this.#results.show(row.build, 'running', now);
      return 'held';
    });
  }

  settle(held: Held, end: Ending, now: Moment): Promise<'settled' | 'already' | 'lost'> {
    return this.#step(now, () => {
      const row = this.#jobs.find(held.job);
      const standing = standingOf(row, held, end.digest);
      if (standing === 'foreign' || row === undefined) return 'lost';
      if (standing !== 'open') return standing;
      if (this.#settling.isOvertaken(row)) return 'lost';
      this.#settling.settle(row, end, now);
      return 'settled';
    });
  }

  lapse(now: Moment): Promise<number> {
    return this.#db.step(() => {
      const overdue = this.#overdue.all(now.ms);
      if (overdue.length > 0) this.#time.run(now.ms);
      for (const row of overdue) {
        const kills = row.kills + row.renewed;
        const { state, say, result } = afterLapse(jobOf(row), kills);
        this.#lapse.run(state, kills, say, now.ms, now.wall, row.seq);
        if (result !== undefined && row.build !== null) this.#results.patch(row.build, result, now);
      }
      return overdue.length;
    });
  }

  steer(which: Which, act: Act, now: Moment): Promise<number> {
    return this.#step(now, () => this.#steering.steer(which, act, now));
  }

  replace(
    key: Fingerprint,
    builds: readonly BuildId[],
    how: Readonly<{ rebuild: boolean }>,
    now: Moment,
  ): Promise<Replaced> {
    return this.#step(now, () => this.#steering.replace(key, builds, how, now));
  }

  withdraw(key: Fingerprint, now: Moment): Promise<number> {
    return this.#step(now, () => this.#signed.withdrawAll(key));
  }

  believe(key: Fingerprint, now: Moment): Promise<number> {
    return this.#step(now, () => this.#signed.believe(key));
  }

  revive(until: Ms, now: Moment): Promise<number> {
    return this.#step(now, () => this.#revive.run(until));
  }

  extend(list: OpenList, to: number, slice: readonly JobSpec[], now: Moment): Promise<boolean> {
    return this.#step(now, () => {
      if (this.#moveList.run(to, list.list, list.job, list.offset) === 0) return false;
      for (const spec of slice) this.#jobs.submit(spec, now);
      this.#endList.run(list.list, list.job);
      return true;
    });
  }

  received(origin: Origin, objects: readonly Sha256[]): Promise<void> {
    return this.#db.step(() => this.#objects.received(origin, objects));
  }

  forget(objects: readonly Sha256[]): Promise<void> {
    return this.#db.step(() => this.#objects.forget(objects));
  }

  async close(): Promise<void> {
    // After what this turn has called for.
    await Promise.resolve();
    this.#db.close();
  }

  #step<T>(now: Moment, work: () => T): Promise<T> {
    return this.#db.step(() => {
      this.#time.run(now.ms);
      return work();
    });
  }

  #load(now: Moment): Load {
    return {
      busyGroups: new Set(this.#busy.all().map((row) => row.grp)),
      ahead: this.#ahead.get(now.ms)?.n ?? 0,
      paused: this.#pauses.all(),
    };
  }
}

function withRow(row: JobRowInFile) {
  return { ...row, group: row.grp, architecture: jobArchitecture(row), row };
}

function jobArchitecture(row: JobRowInFile) {
  return row.architecture as JobRecord['architecture'];
}

/** An equal fence is the only test; the holder's name guards against another's lease. */
function isHeld(row: JobRowInFile | undefined, held: Held): row is JobRowInFile {
  return (
    row !== undefined &&
    row.fence === held.fence &&
    row.holder === held.holder &&
    row.settled_fence < held.fence &&
    row.state !== 'settled'
  );
}

/** What an outcome with this digest would be answered now. */
export function standingOf(
  row: JobRowInFile | undefined,
  held: Held,
  digest: Sha256,
): 'open' | 'already' | 'lost' | 'foreign' {
  if (row === undefined) return 'lost';
  if (row.settled_fence === held.fence && row.settled_digest === digest) return 'already';
  if (row.fence === held.fence && row.holder !== held.holder) return 'foreign';
  return isHeld(row, held) && row.state !== 'cancelled' ? 'open' : 'lost';
}
