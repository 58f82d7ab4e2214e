import { runRole } from '../lib/daemon/role.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { reportResults } from './report-job.ts';

await runRole('reporter', process.env, async ({ clock, log, notify, stop }) => {
  const caller = qrexecCaller({ clock, log });
  notify.ready();
  await runWorker({
    queue: 'report',
    caller,
    clock,
    log,
    notify,
    stop,
    slots: [{}],
    handle: (context) => reportResults(context, { caller, clock }),
  });
});
