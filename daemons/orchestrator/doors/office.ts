import type { Clock } from '../../lib/daemon/clock.ts';
import type { Log } from '../../lib/daemon/log.ts';
import type { ObjectStore } from '../../lib/objects/store.ts';
import type { Grants } from '../grants.ts';
import type { History, Ledger } from '../ledger/port.ts';
import type { LiveLogs } from '../live-logs.ts';
import type { PipelineSettings } from '../pipeline.ts';
import type { Room } from '../room.ts';
import type { Stock } from '../stock.ts';
import type { LedgerTime } from '../time.ts';
import type { Wakeups } from '../wakeups.ts';
import type { Workers } from '../workers.ts';

/** A dist of the configuration, and how often its archive is read. */
export type ConfiguredDist = Readonly<{ dist: string; everyMs: number }>;

export interface Settings extends PipelineSettings {
  readonly version: string;
  readonly dists: readonly ConfiguredDist[];
  /** How often pages are made though nothing called for it. */
  readonly reportEveryMs: number;
}

/** What every door works with. */
export interface Office {
  readonly ledger: Ledger;
  readonly history: History;
  readonly objects: ObjectStore;
  readonly logs: LiveLogs;
  readonly time: LedgerTime;
  readonly clock: Clock;
  readonly log: Log;
  readonly workers: Workers;
  readonly wakeups: Wakeups;
  readonly grants: Grants;
  readonly stock: Stock;
  readonly room: Room;
  readonly settings: Settings;
  /** Submits what long lists still hold, soon. */
  expand(): void;
}
