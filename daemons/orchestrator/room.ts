import type { Log } from '../lib/daemon/log.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import { collect } from '../lib/objects/collect.ts';
import { type ObjectStore, StoreError, type Usage } from '../lib/objects/store.ts';
import type { History, Ledger, Page, ReferenceRole } from './ledger/port.ts';
import { directReachOf, evidenceOf, reachOfEvidence } from './reach.ts';
import { ShaSet } from './sha-set.ts';
import type { LedgerTime } from './time.ts';

/** With less room than this, or than a tenth of the quota, nothing more is lent. */
export const reserveBytes = 512 * 1_048_576;
/** With less free than this no object is taken in, so that the ledger can go on writing: what is out may use the rest. */
export const ledgerBytes = reserveBytes / 2;
/** An object that nobody refers to yet may belong to an outcome that is on its way. */
export const graceMs = 3_600_000;

const pageRows = 1_000;

export interface RoomOptions {
  readonly objects: ObjectStore;
  readonly ledger: Ledger;
  readonly history: History;
  readonly time: LedgerTime;
  readonly log: Log;
}

/** Sees to it that there is room for what jobs bring: collects what nobody refers to, and says when it is not enough. */
export class Room {
  readonly #options: RoomOptions;
  #tidying: Promise<Usage> | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Whether another job may be lent. */
  async isLeft(): Promise<boolean> {
    return (await this.#room()) >= this.#reserve;
  }

  /** Collects if room grows short; a collection that runs is not started twice. */
  async tidy(): Promise<void> {
    const { objects, log } = this.#options;
    if ((await this.#room()) >= 4 * this.#reserve) return;
    this.#tidying ??= this.#collect().finally(() => {
      this.#tidying = undefined;
    });
    const { count, bytes } = await this.#tidying;
    const used = objects.usage().bytes;
    if (count > 0) log.notice('objects collected', { count, bytes, used });
    if (!(await this.isLeft())) log.warning('no room for more objects, nothing more is lent', { used });
  }

  get #reserve(): number {
    return Math.min(reserveBytes, this.#options.objects.quotaBytes / 10);
  }

  #room(): Promise<number> {
    return this.#options.objects.room();
  }

  /** First what nobody refers to; if that is not enough, what settled builds made and their evidence, too. */
  async #collect(): Promise<Usage> {
    const enough = 4 * this.#reserve + this.#options.objects.usage().bytes / 10;
    const first = await this.#remove([], enough);
    if (first.bytes >= enough) return first;
    const second = await this.#remove(['file', 'evidence'], enough - first.bytes);
    return { count: first.count + second.count, bytes: first.bytes + second.bytes };
  }

  async #remove(without: readonly ReferenceRole[], enough: number): Promise<Usage> {
    const { objects, ledger, time } = this.#options;
    const live = await this.#live(without);
    return await collect(objects, {
      isLive: (sha256) => live.has(sha256),
      putBefore: time.now().wall - graceMs,
      enough,
      onRemoved: (removed) => ledger.forget(removed),
    });
  }

  /** Live is what something refers to, and what jobs that are not over do. */
  async #live(without: readonly ReferenceRole[]): Promise<ShaSet> {
    const { history, objects } = this.#options;
    const live = new ShaSet();
    const evidence = new Set<Sha256>();
    for await (const sha256 of rows<Sha256>((page) => history.referred(without, page))) live.add(sha256);
    for await (const job of rows((page) => history.unfinished(page))) {
      for await (const sha256 of kept(directReachOf(job.payload, objects))) live.add(sha256);
      const whole =
        job.queue === 'rebuild' && job.build !== null ? await history.result(job.build) : undefined;
      const document = evidenceOf(job.payload) ?? whole?.evidence;
      if (document !== undefined) evidence.add(document);
    }
    for (const document of evidence) {
      for await (const sha256 of kept(reachOfEvidence(document, objects))) live.add(sha256);
    }
    return live;
  }
}

/** As much as can still be known of what a job refers to that has lost some of its objects. */
async function* kept(reach: AsyncIterable<Sha256>): AsyncGenerator<Sha256, void, undefined> {
  try {
    yield* reach;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
}

async function* rows<T>(
  read: (page: { cursor?: string; limit: number }) => Promise<Page<T>>,
): AsyncGenerator<T> {
  for (let cursor: string | undefined; ; ) {
    const page = await read({ limit: pageRows, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.rows;
    if (page.cursor === null) return;
    cursor = page.cursor;
  }
}
