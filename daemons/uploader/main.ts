import { dirname, join } from 'node:path';
import { systemClock as clock } from '../lib/daemon/clock.ts';
import { configPaths, loadConfig } from '../lib/daemon/config.ts';
import { openLog } from '../lib/daemon/log.ts';
import { openNotify } from '../lib/daemon/notify.ts';
import { stopSignal } from '../lib/daemon/stop.ts';
import { type Project, projects } from '../lib/domain/dist.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { StagedTree } from './staged-tree.ts';
import { targetOf } from './target.ts';
import { Uploader } from './upload-job.ts';

const log = openLog('uploader');
const notify = openNotify(clock);
const stop = stopSignal();

try {
  const config = loadConfig('uploader', { paths: configPaths(process.env), env: process.env });
  for (const warning of config.warnings) log.warning(warning);
  const state = process.env.STATE_DIRECTORY ?? '/var/lib/package-rebuilder/uploader';
  const sshFolders = [state, ...config.files.toReversed().map(dirname)].map((folder) => join(folder, 'ssh'));
  const target = (project: Project | undefined) => {
    const { sshHost, sshBasedir, sshKey } = project === undefined ? config.common : config.projects[project];
    return targetOf({ host: sshHost, basedir: sshBasedir, key: sshKey }, sshFolders);
  };
  for (const project of projects) {
    await target(project).catch((error: Error) => log.warning(`[${project}] ${error.message}`));
  }
  const uploader = new Uploader({ tree: await StagedTree.open(state, clock), target });
  notify.ready();
  await runWorker({
    queue: 'upload',
    caller: qrexecCaller({ clock, log }),
    clock,
    log,
    notify,
    stop,
    slots: [{}],
    handle: (context) => uploader.upload(context),
  });
} catch (error) {
  log.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  notify.stopping();
  notify.close();
}
