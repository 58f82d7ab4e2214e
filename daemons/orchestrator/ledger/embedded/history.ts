import type { ResultWhole, SignedRow, VerdictRow } from '../../../lib/contracts/documents/views.ts';
import type { Carried, Queue } from '../../../lib/contracts/job.ts';
import type { Fingerprint, PublicationPath, Sha256 } from '../../../lib/domain/names.ts';
import type { BuildId, JobId } from '../../ids.ts';
import type {
  Counts,
  FeedRecord,
  Held,
  History,
  JobRecord,
  JobState,
  OpenList,
  Origin,
  Page,
  PageRequest,
  PublicationFile,
  ReferenceRole,
  RevokedKey,
} from '../port.ts';
import type { Database, Statement, Value } from './database.ts';
import { standingOf } from './ledger.ts';
import {
  type JobRowInFile,
  jobOf,
  type ResultRowInFile,
  resultOf,
  type VerdictRowInFile,
  verdictOf,
} from './rows.ts';
import { SignedBuilds } from './signed-builds.ts';

/** Reads of the same file; each answers with at most a page. */
export class EmbeddedHistory implements History {
  readonly #db: Database;
  readonly #job: Statement<JobRowInFile>;
  readonly #result: Statement<ResultRowInFile>;
  readonly #origins: Statement<{ origin: Origin }>;
  readonly #referred: Statement<{ one: number }>;
  readonly #signed: SignedBuilds;

  constructor(db: Database) {
    this.#db = db;
    this.#signed = new SignedBuilds(db);
    this.#job = db.prepare('SELECT * FROM jobs WHERE id = ?');
    this.#result = db.prepare('SELECT * FROM results WHERE build = ?');
    this.#origins = db.prepare('SELECT origin FROM origins WHERE sha256 = ?');
    this.#referred = db.prepare(
      `SELECT 1 AS one
       WHERE EXISTS (SELECT 1 FROM refs WHERE sha256 = ?1 AND role IN (SELECT value FROM json_each(?2)))
         OR EXISTS (SELECT 1 FROM publication WHERE sha256 = ?1) OR EXISTS (SELECT 1 FROM jobs WHERE log = ?1)
         OR 'attestation' IN (SELECT value FROM json_each(?2))
            AND EXISTS (SELECT 1 FROM verdicts WHERE attestation = ?1)`,
    );
  }

  async storedMs(): Promise<number> {
    return this.#one<{ value: number }>(`SELECT value FROM meta WHERE name = 'ms'`)?.value ?? 0;
  }

  async isEmpty(): Promise<boolean> {
    return this.#one('SELECT 1 FROM jobs LIMIT 1') === undefined;
  }

  async job(id: JobId): Promise<JobRecord | undefined> {
    const row = this.#job.get(id);
    return row === undefined ? undefined : jobOf(row);
  }

  async jobs(
    filter: Readonly<{
      queue?: Queue | undefined;
      state?: JobState | undefined;
      build?: BuildId | undefined;
    }>,
    page: PageRequest,
  ): Promise<Page<JobRecord>> {
    return this.#page(pageOf('jobs', filter, page), page.limit, jobOf);
  }

  async standing(held: Held, digest: Sha256): Promise<'open' | 'already' | 'lost' | 'foreign'> {
    return standingOf(this.#job.get(held.job), held, digest);
  }

  async result(build: BuildId): Promise<ResultWhole | undefined> {
    const row = this.#result.get(build);
    return row === undefined ? undefined : resultOf(row);
  }

  async results(
    filter: Readonly<{ dist?: string | undefined; source?: string | undefined }>,
    page: PageRequest,
  ): Promise<Page<ResultWhole>> {
    return this.#page(pageOf('results', filter, page), page.limit, resultOf);
  }

  async verdicts(build: BuildId, page: PageRequest): Promise<Page<VerdictRow>> {
    return this.#page<VerdictRowInFile, VerdictRow>(
      pageOf('verdicts', { build }, page),
      page.limit,
      verdictOf,
    );
  }

  async settledSince(verdict: number, limit: number): Promise<Carried> {
    const rows = this.#db
      .prepare<{ build: BuildId; last: number; count: number }>(
        `SELECT build, max(seq) AS last, count(*) OVER () AS count FROM verdicts WHERE seq > ?
         GROUP BY build ORDER BY last DESC LIMIT ?`,
      )
      .all(verdict, limit);
    return {
      builds: rows.map((row) => row.build),
      more: (rows[0]?.count ?? 0) - rows.length,
      last: rows[0]?.last ?? verdict,
    };
  }

  async signedBy(key: Fingerprint, page: PageRequest): Promise<Page<SignedRow>> {
    return this.#signed.page(key, page);
  }

  async revoked(): Promise<readonly RevokedKey[]> {
    return this.#signed.revoked();
  }

  async counts(): Promise<Counts> {
    return {
      queues: this.#all<Counts['queues'][number]>(
        `SELECT a AS queue, b AS kind, c AS state, n AS count FROM counts WHERE what = 'job' AND n > 0`,
      ),
      states: this.#all<Counts['states'][number]>(
        `SELECT a AS dist, b AS state, n AS count FROM counts WHERE what = 'result' AND n > 0`,
      ),
      paused: this.#all<Counts['paused'][number]>('SELECT scope, value, act FROM pauses'),
    };
  }

  async feeds(): Promise<readonly FeedRecord[]> {
    return this.#all<FeedRecord>(
      'SELECT dist, last_read AS lastRead, last_ms AS lastMs, say FROM feeds ORDER BY dist',
    );
  }

  async publication(page: PageRequest): Promise<Page<PublicationFile>> {
    const rows = this.#all<PublicationFile>(
      'SELECT path, sha256, size FROM publication WHERE path > ? ORDER BY path LIMIT ?',
      page.cursor ?? '',
      page.limit,
    );
    return { rows, cursor: rows.length < page.limit ? null : (rows.at(-1)?.path ?? null) };
  }

  async published(group: string): Promise<readonly PublicationFile[]> {
    return this.#all<{ path: PublicationPath; sha256: Sha256; size: number }>(
      'SELECT path, sha256, size FROM publication WHERE grp = ? ORDER BY path',
      group,
    );
  }

  async openLists(): Promise<readonly OpenList[]> {
    return this.#all<OpenList>('SELECT list, job, count, at AS "offset", seconds AS getSeconds FROM lists');
  }

  async due(since: number, until: number): Promise<readonly Queue[]> {
    return this.#all<{ queue: Queue }>(
      `SELECT DISTINCT queue FROM jobs WHERE state = 'pending' AND not_before > ? AND not_before <= ?`,
      since,
      until,
    ).map((row) => row.queue);
  }

  async origins(object: Sha256): Promise<readonly Origin[]> {
    return this.#origins.all(object).map((row) => row.origin);
  }

  async isReferred(object: Sha256, roles: readonly ReferenceRole[]): Promise<boolean> {
    return this.#referred.get(object, JSON.stringify(roles)) !== undefined;
  }

  async referred(without: readonly ReferenceRole[], page: PageRequest): Promise<Page<Sha256>> {
    const rows = this.#all<{ sha256: Sha256 }>(
      `SELECT sha256 FROM refs WHERE sha256 > ?1 AND role NOT IN (SELECT value FROM json_each(?2))
       UNION SELECT sha256 FROM publication WHERE sha256 > ?1
       UNION SELECT log FROM jobs WHERE log > ?1
       UNION SELECT list FROM lists WHERE list > ?1
       UNION SELECT attestation FROM verdicts
         WHERE attestation > ?1 AND 'attestation' NOT IN (SELECT value FROM json_each(?2))
       ORDER BY 1 LIMIT ?3`,
      page.cursor ?? '',
      JSON.stringify(without),
      page.limit,
    ).map((row) => row.sha256);
    return { rows, cursor: rows.length < page.limit ? null : (rows.at(-1) ?? null) };
  }

  async unfinished(page: PageRequest): Promise<Page<JobRecord>> {
    const request = pageOf('jobs', {}, page, `state IN ('pending', 'leased', 'set-aside')`);
    return this.#page(request, page.limit, jobOf);
  }

  #one<Row>(sql: string): Row | undefined {
    return this.#db.prepare<Row>(sql).get();
  }

  #all<Row>(sql: string, ...values: Value[]): Row[] {
    return this.#db.prepare<Row>(sql).all(...values);
  }

  #page<Row extends { seq: number }, T>(
    request: readonly [string, Value[]],
    limit: number,
    read: (row: Row) => T,
  ): Page<T> {
    const [sql, values] = request;
    const rows = this.#all<Row>(sql, ...values);
    return { rows: rows.map(read), cursor: rows.length < limit ? null : String(rows.at(-1)?.seq ?? '') };
  }
}

/** Rows in the order they came, after the cursor; filters are columns of their own. */
function pageOf(
  table: 'jobs' | 'results' | 'verdicts',
  filter: Readonly<Record<string, string | undefined>>,
  page: PageRequest,
  only = '1',
): readonly [string, Value[]] {
  const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const where = [only, 'seq > ?', ...given.map(([column]) => `${column} = ?`)].join(' AND ');
  const cursor = /^\d{1,15}$/.test(page.cursor ?? '') ? Number(page.cursor) : 0;
  return [
    `SELECT * FROM ${table} WHERE ${where} ORDER BY seq LIMIT ?`,
    [cursor, ...given.map(([, value]) => value), page.limit],
  ];
}
