import Libsql from 'libsql';

/** SQLite, with no more of the library than `node:sqlite` also has: no other file knows which library it is. */

/** libsql aborts the process when it is given a boolean. */
export type Value = string | number | null;

export interface Statement<Row> {
  run(...values: Value[]): number;
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
}

interface Step {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export class Database {
  readonly #db: Libsql.Database;
  #isOpen = true;
  #waiting: Step[] = [];

  private constructor(db: Libsql.Database) {
    this.#db = db;
  }

  /** Opens or makes the file. A commit is on the disk when its step resolves. */
  static open(path: string): Database {
    const db = new Libsql(path);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    return new Database(db);
  }

  exec(sql: string): void {
    this.#checkOpen();
    this.#db.exec(sql);
  }

  prepare<Row>(sql: string): Statement<Row> {
    this.#checkOpen();
    const statement = this.#db.prepare(sql);
    const whileOpen = () => {
      this.#checkOpen();
      return statement;
    };
    return {
      run: (...values) => whileOpen().run(...values).changes,
      get: (...values) => whileOpen().get(...values) as Row | undefined,
      all: (...values) => whileOpen().all(...values) as Row[],
    };
  }

  /**
   * Does the work in a transaction: all of it or nothing. Steps of one turn share a commit; one that throws undoes
   * itself alone.
   */
  step<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#commit());
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#db.close();
  }

  /** libsql aborts the process when a closed file is used. */
  #checkOpen(): void {
    if (!this.#isOpen) throw new Error('the ledger is closed');
  }

  #commit(): void {
    const steps = this.#waiting;
    this.#waiting = [];
    const answers: (() => void)[] = [];
    try {
      this.exec('BEGIN IMMEDIATE');
      for (const step of steps) answers.push(this.#run(step));
      this.exec('COMMIT');
    } catch (error) {
      if (this.#isOpen && this.#db.inTransaction) this.exec('ROLLBACK');
      for (const step of steps) step.reject(error);
      return;
    }
    for (const answer of answers) answer();
  }

  #run(step: Step): () => void {
    this.exec('SAVEPOINT step');
    try {
      const value = step.work() as never;
      this.exec('RELEASE step');
      return () => step.resolve(value);
    } catch (error) {
      this.exec('ROLLBACK TO step');
      this.exec('RELEASE step');
      return () => step.reject(error);
    }
  }
}
