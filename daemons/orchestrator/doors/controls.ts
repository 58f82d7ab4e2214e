import type { ControlRequest, Verb } from '../../lib/contracts/control.ts';
import { queues } from '../../lib/contracts/job.ts';
import type { Answer } from '../../lib/wire/serve.ts';
import type { Office } from './office.ts';

/** `rebuilder.Control`: steers jobs that wait or run. */
export async function controlDoor(office: Office, verb: Verb, request: ControlRequest): Promise<Answer> {
  const changed = await office.ledger.steer(request.which, verb, office.time.now());
  const [scope, value] = Object.entries(request.which)[0] ?? ['', ''];
  office.log.notice('steered', { verb, which: `${scope} ${value}`, changed });
  office.wakeups.wake(queues);
  return { reply: { changed } };
}
