import { systemClock as clock } from '../lib/daemon/clock.ts';
import { configPaths, loadConfig } from '../lib/daemon/config.ts';
import { openLog } from '../lib/daemon/log.ts';
import { openNotify } from '../lib/daemon/notify.ts';
import { stopSignal } from '../lib/daemon/stop.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { reportResults } from './report-job.ts';

const log = openLog('reporter');
const notify = openNotify(clock);
const stop = stopSignal();

try {
  const config = loadConfig('reporter', { paths: configPaths(process.env), env: process.env });
  for (const warning of config.warnings) log.warning(warning);
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
} catch (error) {
  log.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  notify.stopping();
  notify.close();
}
