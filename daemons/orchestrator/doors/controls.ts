import type { ControlReply, ControlRequest, Replacement, Verb } from '../../lib/contracts/control.ts';
import { queues } from '../../lib/contracts/job.ts';
import type { Answer } from '../../lib/wire/serve.ts';
import { reportJob } from '../jobs.ts';
import type { Office } from './office.ts';

/** Builds that are begun again in one step. */
const buildsAtOnce = 500;

type Changed = Pick<ControlReply, 'changed' | 'withdrawn'>;

/** `rebuilder.Control`: steers jobs that wait or run. */
export async function controlDoor(office: Office, verb: Verb, request: ControlRequest): Promise<Answer> {
  const reply: Changed =
    'how' in request
      ? await replaceSigned(office, request)
      : { changed: await office.ledger.steer(request.which, verb, office.time.now()), withdrawn: 0 };
  const [scope, value] = Object.entries(request.which)[0] ?? ['', ''];
  office.log.notice('steered', { verb, which: `${scope} ${value}`, ...reply });
  office.wakeups.wake(queues);
  return { reply };
}

/** All that a key signed, slice by slice; asked for again, it goes on with what is left. */
async function replaceSigned(office: Office, { which, how }: Replacement): Promise<Changed> {
  const { history, ledger, time } = office;
  const key = which.signedBy;
  if (how === 'believe') return { changed: await ledger.believe(key, time.now()), withdrawn: 0 };
  let changed = 0;
  let withdrawn = how === 'withdraw' ? await ledger.withdraw(key, time.now()) : 0;
  for (let cursor: string | undefined; ; ) {
    const page = await history.signedBy(key, { cursor, limit: buildsAtOnce });
    const builds = page.rows.map(({ build }) => build);
    const replaced = await ledger.replace(key, builds, { rebuild: how === 'rebuild' }, time.now());
    changed += replaced.begun;
    withdrawn += replaced.withdrawn;
    if (page.cursor === null) break;
    cursor = page.cursor;
  }
  if (withdrawn > 0) await ledger.submit([reportJob()], time.now());
  return { changed, withdrawn };
}
