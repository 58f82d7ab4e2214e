import type { JobSpec, Moment } from '../port.ts';
import type { Database, Statement } from './database.ts';
import type { ResultsTable } from './results-table.ts';
import type { JobRowInFile } from './rows.ts';

/** Submitting: a job that is new, one that starts anew, one that is known already. */
export class JobsTable {
  readonly #find: Statement<JobRowInFile>;
  readonly #insert: Statement<never>;
  readonly #restart: Statement<never>;
  readonly #refresh: Statement<never>;
  readonly #rerun: Statement<never>;
  readonly #results: ResultsTable;
  #line: number;

  constructor(db: Database, results: ResultsTable) {
    this.#results = results;
    this.#find = db.prepare('SELECT * FROM jobs WHERE id = ?');
    this.#insert = db.prepare(
      `INSERT INTO jobs (id, queue, kind, payload, about, dist, build, grp, architecture, priority, line, again, rest,
         state, not_before, submitted, changed)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?)`,
    );
    this.#restart = db.prepare(
      `UPDATE jobs SET kind = ?, payload = ?, about = ?, grp = ?, architecture = ?, priority = ?, line = ?,
         state = 'pending', rerun = 0, not_before = max(?, settled_at + rest), fence = fence + 1, holder = NULL, tries = 0,
         failed_package = 0, failed_ours = 0, kills = 0, code = NULL, say = NULL, progress = NULL,
         submitted = ?, changed = ?
       WHERE seq = ?`,
    );
    this.#refresh = db.prepare(
      `UPDATE jobs SET payload = ?, priority = min(priority, ?), changed = ?,
         not_before = min(not_before, max(?, settled_at + rest)) WHERE seq = ?`,
    );
    this.#rerun = db.prepare('UPDATE jobs SET rerun = 1 WHERE seq = ?');
    this.#line = 1 + (db.prepare<{ n: number | null }>('SELECT max(line) AS n FROM jobs').get()?.n ?? 0);
  }

  find(id: string): JobRowInFile | undefined {
    return this.#find.get(id);
  }

  /** Whether the job became pending by it. */
  submit(spec: JobSpec, now: Moment): boolean {
    const known = this.#find.get(spec.id);
    const due = now.ms + (spec.delayMs ?? 0);
    const payload = JSON.stringify(spec.payload);
    if (known === undefined) {
      this.#insert.run(
        spec.id,
        spec.queue,
        spec.kind,
        payload,
        spec.about,
        spec.dist,
        spec.build,
        spec.group,
        spec.architecture,
        spec.priority,
        spec.line ?? this.#next(),
        spec.again,
        spec.restMs ?? 0,
        due,
        now.wall,
        now.wall,
      );
    } else if (spec.again === 'never') {
      return false;
    } else if (known.state === 'leased') {
      if (spec.again === 'always') this.#rerun.run(known.seq);
      return false;
    } else if (known.state === 'pending') {
      this.#refresh.run(payload, spec.priority, now.wall, due, known.seq);
      return false;
    } else {
      this.#restart.run(
        spec.kind,
        payload,
        spec.about,
        spec.group,
        spec.architecture,
        spec.priority,
        spec.line ?? this.#next(),
        due,
        now.wall,
        now.wall,
        known.seq,
      );
    }
    if (spec.seed !== undefined && spec.build !== null) this.#results.begin(spec.build, spec.seed, now);
    return true;
  }

  #next(): number {
    this.#line += 1;
    return this.#line;
  }
}
