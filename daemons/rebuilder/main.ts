import { availableParallelism, totalmem } from 'node:os';
import { systemClock as clock } from '../lib/daemon/clock.ts';
import { configPaths, loadConfig } from '../lib/daemon/config.ts';
import { openLog } from '../lib/daemon/log.ts';
import { openNotify } from '../lib/daemon/notify.ts';
import { stopSignal } from '../lib/daemon/stop.ts';
import { parseArchitecture } from '../lib/domain/names.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { buildJob } from './build-job.ts';
import { Kept } from './kept.ts';
import { settingsOf } from './settings.ts';

const log = openLog('rebuilder');
const notify = openNotify(clock);
const stop = stopSignal();
const version = '0.1.0';
const inputsBytes = 20 * 2 ** 30;
/** Returned outputs are of no more use; the last ones stay a while for a reply that was lost. */
const outputsBytes = 2 ** 30;
const debianArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  riscv64: 'riscv64',
};

try {
  const config = loadConfig('rebuilder', { paths: configPaths(process.env), env: process.env });
  for (const warning of config.warnings) log.warning(warning);
  const settings = settingsOf(config);
  const cache = process.env.CACHE_DIRECTORY ?? '/var/cache/package-rebuilder/rebuilder';
  const state = process.env.STATE_DIRECTORY ?? '/var/lib/package-rebuilder/rebuilder';
  const caller = qrexecCaller({ clock, log });
  const inputs = await Kept.open({ folder: cache, clock, maxBytes: inputsBytes });
  const outputs = await Kept.open({ folder: state, clock, maxBytes: outputsBytes });
  notify.ready();
  await runWorker({
    queue: 'rebuild',
    caller,
    clock,
    log,
    notify,
    stop,
    slots: Array.from({ length: settings.slots }, () => ({})),
    capabilities: {
      architectures: [
        parseArchitecture(debianArchitectures[process.arch] ?? process.arch),
        parseArchitecture('all'),
      ],
      cores: availableParallelism(),
      memoryMiB: Math.floor(totalmem() / 1_048_576),
    },
    handle: (context) => buildJob(context, { caller, settings, inputs, outputs, version }),
  });
} catch (error) {
  log.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  notify.stopping();
  notify.close();
}
