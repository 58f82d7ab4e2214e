import type { Log } from '../lib/daemon/log.ts';
import type { ObjectStore } from '../lib/objects/store.ts';
import { readBuilds } from './documents.ts';
import type { History, JobSpec, Ledger, OpenList } from './ledger/port.ts';
import { buildJob } from './pipeline.ts';
import type { LedgerTime } from './time.ts';
import type { Wakeups } from './wakeups.ts';

/** Builds, and files of builds, submitted in one step. */
export const sliceBuilds = 500;
const sliceFiles = 10_000;

export interface ExpanderOptions {
  readonly ledger: Ledger;
  readonly history: History;
  readonly objects: ObjectStore;
  readonly time: LedgerTime;
  readonly wakeups: Wakeups;
  readonly log: Log;
  /** Whether the disk has room for more rows; asked before each step. */
  hasRoom(): Promise<boolean>;
}

/** Submits what long lists hold, slice by slice, each list from where the ledger says it got to. */
export class Expander {
  readonly #options: ExpanderOptions;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(options: ExpanderOptions) {
    this.#options = options;
  }

  /** Starts, or has what runs look once more when it is done. */
  start(): void {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Settles when nothing is left to submit. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      for (const list of await this.#options.history.openLists()) {
        try {
          await this.#expand(list);
        } catch (error) {
          this.#options.log.error('list of builds not submitted', { say: String(error), job: list.job });
        }
      }
    }
  }

  async #expand(list: OpenList): Promise<void> {
    const { history, objects, log } = this.#options;
    const feed = await history.job(list.job);
    if (feed === undefined) throw new Error(`job ${list.job} is unknown`);
    let at = 0;
    let place = list;
    let slice: JobSpec[] = [];
    let files = 0;
    for await (const listed of readBuilds(objects, list.list)) {
      at += 1;
      if (at <= list.offset) continue;
      slice.push(buildJob(listed, feed, list.getSeconds));
      files += listed.files.length;
      if (slice.length < sliceBuilds && files < sliceFiles && at < list.count) continue;
      if (!(await this.#submit(place, at, slice))) return;
      place = { ...place, offset: at };
      slice = [];
      files = 0;
    }
    log.info('builds submitted', { count: at, about: feed.about, job: list.job });
  }

  async #submit(place: OpenList, to: number, slice: readonly JobSpec[]): Promise<boolean> {
    const { ledger, time, wakeups, hasRoom, log } = this.#options;
    if (!(await hasRoom())) {
      log.warning('no room: the rest of a list of builds waits', { at: place.offset, of: place.count });
      return false;
    }
    const moved = await ledger.extend(place, to, slice, time.now());
    wakeups.wake(['get']);
    return moved;
  }
}
