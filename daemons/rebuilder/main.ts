import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { runRole } from '../lib/daemon/role.ts';
import { Turns } from '../lib/daemon/turns.ts';
import { suiteVersion } from '../lib/daemon/version.ts';
import { parseArchitecture } from '../lib/domain/names.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { BaseMaker } from './bases/maker.ts';
import { Shelf } from './bases/shelf.ts';
import { buildJob } from './build-job.ts';
import { Kept } from './kept.ts';
import { settingsOf } from './settings.ts';

const inputsBytes = 20 * 2 ** 30;
const basesBytes = 5 * 2 ** 30;
/** Returned outputs are of no more use; the last ones stay a while for a reply that was lost. */
const outputsBytes = 2 ** 30;
const debianArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  riscv64: 'riscv64',
};

await runRole('rebuilder', process.env, async ({ clock, log, notify, stop, config, folders }) => {
  const settings = settingsOf(config);
  const caller = qrexecCaller({ clock, log });
  const inputs = await Kept.open({ folder: folders.cache, clock, maxBytes: inputsBytes });
  const outputs = await Kept.open({ folder: folders.state, clock, maxBytes: outputsBytes });
  const bases = await Shelf.open({ folder: join(folders.cache, 'bases'), clock, maxBytes: basesBytes });
  const turns = new Turns(settings.slots);
  const { limits, keepBases } = settings;
  const stopBases = keepBases === 'finish' ? new AbortController().signal : stop;
  const baseMaker =
    keepBases === 'no'
      ? undefined
      : new BaseMaker({
          caller,
          log,
          limits,
          inputs,
          shelf: bases,
          turns,
          madeBy: suiteVersion,
          stop: stopBases,
        });
  const parts = { caller, settings, inputs, outputs, bases, baseMaker, turns, version: suiteVersion };
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
    handle: (context) => buildJob(context, parts),
  });
  await baseMaker?.idle();
});
