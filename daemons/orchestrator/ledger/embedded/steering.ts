import type { Fingerprint } from '../../../lib/domain/names.ts';
import { type BuildId, jobIdOf } from '../../ids.ts';
import type { Act, Moment, Replaced, Which } from '../port.ts';
import type { Database, Statement, Value } from './database.ts';
import type { JobRowInFile } from './rows.ts';
import type { SignedBuilds } from './signed-builds.ts';

/** What an operator asks of jobs that wait or run. Each returns how many jobs, or queues, it changed. */
export class Steering {
  readonly #db: Database;
  readonly #restart: Statement<never>;
  readonly #shown: Statement<never>;
  readonly #cancelled: Statement<never>;
  readonly #signed: SignedBuilds;
  readonly #pause: Statement<never>;
  readonly #resume: Statement<never>;
  readonly #resumeAll: Statement<never>;

  constructor(db: Database, signed: SignedBuilds) {
    this.#db = db;
    this.#signed = signed;
    this.#restart = db.prepare(
      `UPDATE jobs SET state = 'pending', fence = fence + 1, holder = NULL, not_before = ?, tries = 0,
         failed_package = 0, failed_ours = 0, kills = 0, code = NULL, say = NULL, changed = ?
       WHERE id = ? AND state <> 'leased'`,
    );
    this.#shown = db.prepare(
      `UPDATE results SET state = 'pending', changed = ?,
         whole = json_set(whole, '$.row.verdict', NULL, '$.row.code', NULL, '$.row.say', '') WHERE build = ?`,
    );
    this.#cancelled = db.prepare(
      `UPDATE results SET state = 'failure', changed = ?,
         whole = json_set(whole, '$.row.verdict', NULL, '$.row.code', NULL, '$.row.say', 'cancelled by the operator')
       WHERE build = ?`,
    );
    this.#pause = db.prepare(
      `INSERT INTO pauses VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET act = excluded.act WHERE act <> excluded.act`,
    );
    this.#resume = db.prepare('DELETE FROM pauses WHERE scope = ? AND value = ?');
    this.#resumeAll = db.prepare('DELETE FROM pauses');
  }

  steer(which: Which, act: Act, now: Moment): number {
    switch (act) {
      case 'cancel':
        return this.#cancel(which, now);
      case 'requeue':
        return this.#requeue(which, now);
      case 'resign':
        return this.#resign(which, now);
      case 'pause':
      case 'resume':
        return 'job' in which || 'build' in which
          ? this.#hold(which, act === 'pause')
          : this.#scope(which, act);
      case 'drain':
        return 'job' in which || 'build' in which ? 0 : this.#scope(which, act);
    }
  }

  #cancel(which: Which, now: Moment): number {
    const [where, value] = condition(which);
    const rows = this.#db
      .prepare<{ build: string | null }>(
        `UPDATE jobs SET state = 'cancelled', say = 'cancelled by the operator', changed = ?
         WHERE ${where} AND state IN ('pending', 'leased', 'set-aside') RETURNING build`,
      )
      .all(now.wall, ...value);
    for (const { build } of rows) if (build !== null) this.#cancelled.run(now.wall, build);
    return rows.length;
  }

  /** A named job, whatever became of it; else what failed, was set aside or cancelled, or waits for its retry. */
  #requeue(which: Which, now: Moment): number {
    const [where, value] = condition(which);
    const over = 'job' in which ? '' : `AND (state IN ('set-aside', 'cancelled') OR code IS NOT NULL)`;
    const rows = this.#db
      .prepare<JobRowInFile>(`SELECT * FROM jobs WHERE ${where} AND state <> 'leased' ${over}`)
      .all(...value);
    if (rows.length === 0 && 'build' in which)
      return this.#again(jobIdOf(which.build, 'inputs'), which.build, now);
    let changed = 0;
    for (const row of rows) changed += this.#again(this.#whereToBegin(row), row.build, now);
    return changed;
  }

  /** What the getter brought may be gone by now: a build begins again there, unless all that is missing is a verdict. */
  #whereToBegin(row: JobRowInFile): string {
    if (row.build === null || row.kind === 'inputs' || row.queue === 'diff' || row.kind === 'official')
      return row.id;
    if (row.queue === 'attest' && this.#signed.isKept(row.id)) return row.id;
    return jobIdOf(row.build, 'inputs');
  }

  /** Attests again, with the keys of today, what was attested and whose files are still here. */
  #resign(which: Which, now: Moment): number {
    const [where, value] = condition(which);
    const rows = this.#db
      .prepare<JobRowInFile>(
        `SELECT * FROM jobs WHERE ${where} AND queue = 'attest' AND state = 'settled' AND code IS NULL`,
      )
      .all(...value);
    let changed = 0;
    for (const row of rows) {
      if (row.build === null || !this.#signed.isKept(row.id)) continue;
      changed += this.#again(row.id, row.build, now);
    }
    return changed;
  }

  /** Each build from as late a step as is still possible; one that is being done anew is left alone. */
  replace(
    key: Fingerprint,
    builds: readonly BuildId[],
    how: Readonly<{ rebuild: boolean }>,
    now: Moment,
  ): Replaced {
    this.#signed.revoke(key, now);
    let begun = 0;
    let withdrawn = 0;
    for (const build of builds) {
      withdrawn += this.#signed.withdrawOf(build, key);
      const next = this.#signed.next(build, key);
      if (next === 'sign') begun += this.#again(jobIdOf(build, 'attest'), build, now);
      if (next === 'rebuild' && how.rebuild) begun += this.#again(jobIdOf(build, 'inputs'), build, now);
    }
    return { begun, withdrawn };
  }

  #again(job: string, build: string | null, now: Moment): number {
    const changed = this.#restart.run(now.ms, now.wall, job);
    if (changed > 0 && build !== null) this.#shown.run(now.wall, build);
    return changed;
  }

  #hold(which: Which, paused: boolean): number {
    const [where, value] = condition(which);
    return this.#db
      .prepare(`UPDATE jobs SET paused = ? WHERE ${where} AND paused <> ? AND state <> 'settled'`)
      .run(paused ? 1 : 0, ...value, paused ? 1 : 0);
  }

  #scope(
    which: Exclude<Which, { job: string } | { build: string }>,
    act: 'pause' | 'resume' | 'drain',
  ): number {
    const [scope, value] =
      'queue' in which ? ['queue', which.queue] : 'dist' in which ? ['dist', which.dist] : ['all', ''];
    if (act !== 'resume') return this.#pause.run(scope, value, act);
    if (scope !== 'all') return this.#resume.run(scope, value);
    return this.#resumeAll.run() + this.#hold(which, false);
  }
}

function condition(which: Which): readonly [string, Value[]] {
  if ('job' in which) return ['id = ?', [which.job]];
  if ('build' in which) return ['build = ?', [which.build]];
  if ('queue' in which) return ['queue = ?', [which.queue]];
  if ('dist' in which) return ['dist = ?', [which.dist]];
  return ['1', []];
}
