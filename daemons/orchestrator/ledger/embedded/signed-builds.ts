import type { SignedRow } from '../../../lib/contracts/documents/views.ts';
import type { Fingerprint, PublicationPath } from '../../../lib/domain/names.ts';
import { type BuildId, type JobId, jobIdOf } from '../../ids.ts';
import { superseded } from '../../superseded.ts';
import type { Moment, Page, PageRequest, RevokedKey } from '../port.ts';
import type { Database, Statement } from './database.ts';

/** A build without a result is none that could begin again. */
type SignedInFile = Omit<SignedRow, 'next' | 'dist'> & Readonly<{ dist: SignedRow['dist'] | null }>;
/** A truth value as SQLite has it. */
type Bit = 0 | 1;

/** Which keys signed what is published of which build, and what it takes to replace it. */
export class SignedBuilds {
  readonly #page: Statement<SignedInFile>;
  readonly #state: Statement<{ state: string }>;
  readonly #left: Statement<{ path: PublicationPath; grp: string | null }>;
  readonly #ofGroup: Statement<Readonly<{ path: PublicationPath; isRevoked: Bit }>>;
  readonly #withdraw: Statement<never>;
  readonly #withdrawAll: Statement<never>;
  readonly #revoke: Statement<never>;
  readonly #believe: Statement<never>;
  readonly #revoked: Statement<Omit<RevokedKey, 'stillSigns'> & Readonly<{ stillSigns: Bit }>>;
  readonly #isKept: Statement<{ one: number }>;

  constructor(db: Database) {
    this.#page = db.prepare(
      `SELECT build, results.dist, results.source, results.whole ->> '$.row.version' AS version, results.state, documents
       FROM (SELECT build, count(*) AS documents FROM publication WHERE signer = ? AND build > ?
             GROUP BY build ORDER BY build LIMIT ?) LEFT JOIN results USING (build) ORDER BY build`,
    );
    this.#state = db.prepare('SELECT state FROM results WHERE build = ?');
    this.#left = db.prepare('SELECT path, grp FROM publication WHERE signer = ? AND build = ?');
    this.#ofGroup = db.prepare(
      `SELECT path, signer IS ?1 OR EXISTS (SELECT 1 FROM revoked WHERE key = signer AND at >= put) AS isRevoked
       FROM publication WHERE grp = ?2 AND signer IS NOT NULL`,
    );
    this.#withdraw = db.prepare('DELETE FROM publication WHERE path = ?');
    this.#withdrawAll = db.prepare(
      `DELETE FROM publication WHERE signer = ?1 AND put <= (SELECT at FROM revoked WHERE key = ?1)
         AND NOT EXISTS (SELECT 1 FROM results
           WHERE results.build = publication.build AND state IN ('pending', 'running', 'retry'))`,
    );
    this.#revoke = db.prepare(
      'INSERT INTO revoked VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)',
    );
    this.#believe = db.prepare('DELETE FROM revoked WHERE key = ?');
    this.#revoked = db.prepare(
      `SELECT key, since, (SELECT count(DISTINCT build) FROM publication WHERE signer = key) AS builds,
         EXISTS (SELECT 1 FROM publication WHERE signer = key AND put > at) AS stillSigns
       FROM revoked WHERE EXISTS (SELECT 1 FROM publication WHERE signer = key AND build IS NOT NULL) ORDER BY since`,
    );
    this.#isKept = db.prepare(
      `SELECT 1 AS one FROM jobs WHERE id = ?
         AND EXISTS (SELECT 1 FROM refs WHERE owner = build AND role = 'report' AND sha256 = payload ->> '$.report')
         AND EXISTS (SELECT 1 FROM refs WHERE owner = build AND role = 'recipe' AND sha256 = payload ->> '$.recipe')
         AND (payload ->> '$.buildinfo' IS NULL OR EXISTS
           (SELECT 1 FROM refs WHERE owner = build AND role = 'buildinfo' AND sha256 = payload ->> '$.buildinfo'))
         AND EXISTS (SELECT 1 FROM refs
           WHERE owner = 'evidence ' || (payload ->> '$.build.evidence') AND role = 'evidence')
         AND NOT EXISTS (SELECT 1 FROM lost WHERE owner = build AND role = 'file')
         AND NOT EXISTS (SELECT 1 FROM lost
           WHERE owner = 'evidence ' || (payload ->> '$.build.evidence') AND role = 'evidence')`,
    );
  }

  page(key: Fingerprint, { cursor = '', limit }: PageRequest): Page<SignedRow> {
    const found = this.#page.all(key, cursor, limit);
    const rows = found.flatMap(({ dist, ...row }) =>
      dist === null ? [] : [{ ...row, dist, next: this.next(row.build, key) }],
    );
    return { rows, cursor: found.length < limit ? null : (found.at(-1)?.build ?? null) };
  }

  /** What is to be done for a build as if the key were revoked, whether it is or not. */
  next(build: BuildId, key: Fingerprint): SignedRow['next'] {
    const left = this.#left.all(key, build);
    const replaced = new Set(groupsOf(left).flatMap((group) => this.#superseded(group, key)));
    if (left.every(({ path }) => replaced.has(path))) return 'withdraw';
    const state = this.#state.get(build)?.state;
    if (state === 'pending' || state === 'running' || state === 'retry') return 'wait';
    return this.isKept(jobIdOf(build, 'attest')) ? 'sign' : 'rebuild';
  }

  /** Whether all that an `attest` job looks at is here, so that it can be done once more. */
  isKept(job: JobId): boolean {
    return this.#isKept.get(job) !== undefined;
  }

  revoke(key: Fingerprint, now: Moment): void {
    this.#revoke.run(key, now.ms, now.wall);
  }

  /** Takes it back. */
  believe(key: Fingerprint): number {
    return this.#believe.run(key);
  }

  revoked(): readonly RevokedKey[] {
    return this.#revoked.all().map((row) => ({ ...row, stillSigns: row.stillSigns === 1 }));
  }

  /** Takes out of the publication what is superseded of a build's documents; how many that were. */
  withdrawOf(build: BuildId, key: Fingerprint): number {
    return groupsOf(this.#left.all(key, build)).reduce((sum, group) => sum + this.withdraw(group), 0);
  }

  /** Takes out what nothing is about to take the place of; how many documents that were. */
  withdrawAll(key: Fingerprint): number {
    return this.#withdrawAll.run(key);
  }

  withdraw(group: string): number {
    const paths = this.#superseded(group, null);
    for (const path of paths) this.#withdraw.run(path);
    return paths.length;
  }

  /** `also`: a key to be taken for a revoked one. */
  #superseded(group: string, also: Fingerprint | null): readonly PublicationPath[] {
    const files = this.#ofGroup.all(also, group);
    return superseded(files.map((file) => ({ ...file, isRevoked: file.isRevoked === 1 })));
  }
}

function groupsOf(files: readonly Readonly<{ grp: string | null }>[]): readonly string[] {
  return [...new Set(files.flatMap(({ grp }) => (grp === null ? [] : [grp])))];
}
