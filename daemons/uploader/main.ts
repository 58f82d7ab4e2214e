import { dirname, join } from 'node:path';
import { runRole } from '../lib/daemon/role.ts';
import { type Project, projects } from '../lib/domain/dist.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { Inherited } from './inherited.ts';
import { StagedTree } from './staged-tree.ts';
import { targetOf } from './target.ts';
import { Uploader } from './upload-job.ts';

await runRole('uploader', process.env, async ({ clock, log, notify, stop, config, folders }) => {
  const { state } = folders;
  const sshFolders = [state, ...config.files.toReversed().map(dirname)].map((folder) => join(folder, 'ssh'));
  const target = (project: Project | undefined) => {
    const { sshHost, sshBasedir, sshKey } = project === undefined ? config.common : config.projects[project];
    return targetOf({ host: sshHost, basedir: sshBasedir, key: sshKey }, sshFolders);
  };
  for (const project of projects) {
    await target(project).catch((error: Error) => log.warning(`[${project}] ${error.message}`));
  }
  const tree = await StagedTree.open(state, clock);
  notify.ready();
  const inherited = await Inherited.open(state, tree.objects, log);
  const uploader = new Uploader({ tree, inherited, target });
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
});
