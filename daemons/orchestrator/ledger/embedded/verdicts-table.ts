import type { VerdictRow } from '../../../lib/contracts/documents/views.ts';
import { maxFailuresKept } from '../port.ts';
import type { Database, Statement } from './database.ts';

/** What each build was settled with, one row a verdict. Adding one costs the same however many there are. */
export class VerdictsTable {
  readonly #add: Statement<never>;
  readonly #dropOldFailure: Statement<never>;

  constructor(db: Database) {
    this.#add = db.prepare(
      `INSERT INTO verdicts (build, at, verdict, code, say, attestation, signed_by) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#dropOldFailure = db.prepare(
      `DELETE FROM verdicts WHERE seq =
         (SELECT seq FROM verdicts WHERE build = ? AND verdict = 'failure' AND signed_by = '[]'
          ORDER BY seq DESC LIMIT 1 OFFSET ${maxFailuresKept})`,
    );
  }

  add({ build, at, verdict, code, say, attestation, signedBy }: VerdictRow): void {
    this.#add.run(build, at, verdict, code, say, attestation, JSON.stringify(signedBy));
    this.#dropOldFailure.run(build);
  }
}
