import { join } from 'node:path';
import { renewedLeaseMs } from '../lib/contracts/renew.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import type { Log } from '../lib/daemon/log.ts';
import { ObjectStore } from '../lib/objects/store.ts';
import type { Office } from './doors/office.ts';
import { Expander } from './expand.ts';
import { Grants } from './grants.ts';
import { openEmbedded } from './ledger/embedded/open.ts';
import { LiveLogs } from './live-logs.ts';
import { ledgerBytes, Room } from './room.ts';
import type { OrchestratorSettings } from './settings.ts';
import { Stock } from './stock.ts';
import { LedgerTime } from './time.ts';
import { Wakeups } from './wakeups.ts';
import { Workers } from './workers.ts';

export interface OpenOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: OrchestratorSettings;
  /** The folder that holds everything the orchestrator keeps. */
  readonly state: string;
}

/** Opens ledger and objects, gives every lease one more interval, goes on with lists that were being submitted. */
export async function openOffice(
  options: OpenOptions,
): Promise<{ office: Office; expander: Expander; close(): Promise<void> }> {
  const { clock, log, settings, state } = options;
  const quota = settings.quotaBytes === undefined ? {} : { quotaBytes: settings.quotaBytes };
  const objects = await ObjectStore.open(join(state, 'objects'), {
    clock,
    reserveBytes: ledgerBytes,
    ...quota,
  });
  const { ledger, history } = openEmbedded(settings.ledgerPath ?? join(state, 'ledger.sqlite'));
  const time = new LedgerTime(clock, await history.storedMs());
  const now = time.now();
  const revived = await ledger.revive(now.ms + renewedLeaseMs, now);
  if (revived > 0) log.notice('leases from before go on', { leases: revived });
  const logs = await LiveLogs.open(join(state, 'logs'), async (id, fence) => {
    const job = await history.job(id);
    return job?.state === 'leased' && job.fence === fence;
  });
  const wakeups = new Wakeups(clock);
  const room = new Room({ objects, ledger, history, time, log });
  const hasRoom = () => room.isLeft();
  const expander = new Expander({ ledger, history, objects, time, wakeups, log, hasRoom });
  expander.start();
  const office: Office = {
    ledger,
    history,
    objects,
    logs,
    time,
    clock,
    log,
    wakeups,
    settings,
    workers: new Workers(clock),
    grants: new Grants(objects, history),
    stock: new Stock(objects, history),
    room,
    expand: () => expander.start(),
  };
  return {
    office,
    expander,
    async close() {
      await expander.idle();
      await ledger.close();
    },
  };
}
