import type { Disposition, Ending, Moment } from '../port.ts';
import type { Database, Statement } from './database.ts';
import type { JobsTable } from './jobs-table.ts';
import type { ObjectsTable } from './objects-table.ts';
import type { ResultsTable } from './results-table.ts';
import type { JobRowInFile } from './rows.ts';
import type { SignedBuilds } from './signed-builds.ts';

/** The inside of `settle`: called within one transaction, after the fence was compared. */
export class Settling {
  readonly #jobs: JobsTable;
  readonly #results: ResultsTable;
  readonly #objects: ObjectsTable;
  readonly #signed: SignedBuilds;
  readonly #close: Statement<never>;
  readonly #rerun: Statement<never>;
  readonly #list: Statement<never>;
  readonly #read: Statement<never>;
  readonly #unread: Statement<never>;
  readonly #overtaking: Statement<{ seq: number }>;

  constructor(
    db: Database,
    tables: Readonly<{ jobs: JobsTable; results: ResultsTable; objects: ObjectsTable; signed: SignedBuilds }>,
  ) {
    this.#jobs = tables.jobs;
    this.#results = tables.results;
    this.#objects = tables.objects;
    this.#signed = tables.signed;
    this.#close = db.prepare(
      `UPDATE jobs SET state = ?, not_before = ?, failed_package = failed_package + ?, failed_ours = failed_ours + ?,
         settled_fence = fence, settled_digest = ?, settled_at = ?, outcome = ?, code = ?, say = ?, log = ?,
         resume = iif(?, ?, resume), progress = NULL, changed = ?
       WHERE seq = ?`,
    );
    this.#rerun = db.prepare(
      `UPDATE jobs SET state = 'pending', rerun = 0, tries = 0, failed_package = 0, failed_ours = 0, kills = 0,
         not_before = settled_at + rest WHERE seq = ? AND rerun = 1 AND state = 'settled'`,
    );
    this.#list = db.prepare('INSERT OR IGNORE INTO lists VALUES (?, ?, ?, 0, ?)');
    this.#read = db.prepare(
      `INSERT INTO feeds VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
         last_read = excluded.last_read, last_ms = excluded.last_ms, say = excluded.say`,
    );
    this.#unread = db.prepare(
      `INSERT INTO feeds VALUES (?, NULL, ?, ?) ON CONFLICT DO UPDATE SET
         last_ms = excluded.last_ms, say = excluded.say`,
    );
    this.#overtaking = db.prepare(
      `SELECT seq FROM jobs WHERE grp = ? AND seq <> ? AND (state = 'leased' OR leased_at > ?) LIMIT 1`,
    );
  }

  /** Whether an overdue job's group was lent to another job since: what it was told at its lease is stale. */
  isOvertaken(row: JobRowInFile): boolean {
    if (row.grp === null || row.state === 'leased') return false;
    return this.#overtaking.get(row.grp, row.seq, row.leased_at) !== undefined;
  }

  settle(row: JobRowInFile, end: Ending, now: Moment): void {
    const { disposition } = end;
    const closed = closing(disposition, now.ms);
    this.#close.run(
      closed.state,
      closed.notBefore,
      disposition.is === 'retry' && disposition.fault === 'package' ? 1 : 0,
      disposition.is === 'retry' && disposition.fault === 'ours' ? 1 : 0,
      end.digest,
      now.ms,
      JSON.stringify(end.outcome),
      closed.code,
      end.say,
      end.log,
      end.resume === undefined ? 0 : 1,
      end.resume ?? null,
      now.wall,
      row.seq,
    );
    this.#rerun.run(row.seq);
    if (end.result !== undefined && row.build !== null) this.#results.patch(row.build, end.result, now);
    if ('list' in end.next) this.#list.run(end.next.list, row.id, end.next.count, end.getSeconds ?? null);
    else for (const spec of end.next) this.#jobs.submit(spec, now);
    for (const references of end.references ?? []) this.#objects.refer(references);
    if (end.publish !== undefined) {
      this.#objects.publish(end.publish, row.build, now);
      if (end.publish.group !== null) this.#signed.withdraw(end.publish.group);
    }
    for (const dist of end.feeds?.dists ?? []) {
      if (end.feeds?.read) this.#read.run(dist, now.wall, now.ms, end.say);
      else this.#unread.run(dist, now.ms, end.say);
    }
  }
}

function closing(disposition: Disposition, ms: number) {
  switch (disposition.is) {
    case 'done':
      return { state: 'settled', notBefore: ms, code: null };
    case 'failed':
      return { state: 'settled', notBefore: ms, code: disposition.code };
    case 'retry':
      return { state: 'pending', notBefore: ms + disposition.delayMs, code: disposition.code };
    case 'handed-back':
      return { state: 'pending', notBefore: ms, code: null };
  }
}
