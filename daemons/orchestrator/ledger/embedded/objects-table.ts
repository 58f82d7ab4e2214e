import type { Sha256 } from '../../../lib/domain/names.ts';
import type { BuildId } from '../../ids.ts';
import type { Moment, Origin, PublicationChange, References } from '../port.ts';
import type { Database, Statement } from './database.ts';

/** What the ledger knows of objects: who handed them in, what refers to them, where they are published. */
export class ObjectsTable {
  readonly #received: Statement<never>;
  readonly #forgetOrigins: Statement<never>;
  readonly #lose: Statement<never>;
  readonly #forgetReferences: Statement<never>;
  readonly #haveAgain: Statement<never>;
  readonly #drop: Statement<never>;
  readonly #refer: Statement<never>;
  readonly #dropPages: Statement<never>;
  readonly #publish: Statement<never>;

  constructor(db: Database) {
    this.#received = db.prepare('INSERT OR IGNORE INTO origins VALUES (?, ?)');
    this.#forgetOrigins = db.prepare('DELETE FROM origins WHERE sha256 = ?');
    this.#lose = db.prepare(
      `INSERT OR IGNORE INTO lost SELECT owner, role FROM refs WHERE sha256 = ? AND role IN ('file', 'evidence')`,
    );
    this.#haveAgain = db.prepare('DELETE FROM lost WHERE owner = ? AND role = ?');
    this.#forgetReferences = db.prepare('DELETE FROM refs WHERE sha256 = ?');
    this.#drop = db.prepare('DELETE FROM refs WHERE owner = ? AND role = ?');
    this.#refer = db.prepare('INSERT OR IGNORE INTO refs VALUES (?, ?, ?)');
    this.#dropPages = db.prepare(`DELETE FROM publication WHERE class = 'page'`);
    // A page never takes the place of an attested file.
    this.#publish = db.prepare(
      `INSERT INTO publication VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
         sha256 = excluded.sha256, size = excluded.size, class = excluded.class, grp = excluded.grp,
         signer = excluded.signer, build = excluded.build, put = excluded.put
       WHERE excluded.class = 'attested' OR publication.class = 'page'`,
    );
  }

  received(origin: Origin, objects: readonly Sha256[]): void {
    for (const object of objects) this.#received.run(object, origin);
  }

  forget(objects: readonly Sha256[]): void {
    for (const object of objects) {
      this.#forgetOrigins.run(object);
      this.#lose.run(object);
      this.#forgetReferences.run(object);
    }
  }

  refer({ owner, role, objects }: References): void {
    this.#drop.run(owner, role);
    this.#haveAgain.run(owner, role);
    for (const object of objects) this.#refer.run(owner, role, object);
  }

  publish(change: PublicationChange, build: BuildId | null, now: Moment): void {
    if (change.class === 'page') this.#dropPages.run();
    for (const { path, sha256, size, signedBy = null } of change.files) {
      this.#publish.run(path, sha256, size, change.class, change.group, signedBy, build, now.ms);
    }
  }
}
