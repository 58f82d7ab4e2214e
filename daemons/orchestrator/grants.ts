import type { Sha256 } from '../lib/domain/names.ts';
import type { ObjectStore } from '../lib/objects/store.ts';
import { type History, type JobRecord, shownRoles } from './ledger/port.ts';
import { reachOf } from './reach.ts';
import { ShaSet } from './sha-set.ts';

const maxKept = 32;

/** What the worker of a leased job may fetch, found out once a lease. */
export class Grants {
  readonly #objects: ObjectStore;
  readonly #history: History;
  readonly #kept = new Map<string, ShaSet>();

  constructor(objects: ObjectStore, history: History) {
    this.#objects = objects;
    this.#history = history;
  }

  /** The first of these that the job has no right to, or undefined. */
  async refused(job: JobRecord, wanted: readonly Sha256[]): Promise<Sha256 | undefined> {
    const granted = await this.#of(job);
    for (const sha256 of wanted) {
      if (granted.has(sha256)) continue;
      // Pages are about all results: their maker may read what they may show.
      if (job.queue === 'report' && (await this.#history.isReferred(sha256, shownRoles))) continue;
      return sha256;
    }
    return undefined;
  }

  async #of(job: JobRecord): Promise<ShaSet> {
    const key = `${job.id} ${job.fence}`;
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    const granted = known ?? new ShaSet();
    if (known === undefined)
      for await (const sha256 of reachOf(job.payload, this.#objects)) granted.add(sha256);
    this.#kept.set(key, granted);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= maxKept) break;
      this.#kept.delete(old);
    }
    return granted;
  }
}
