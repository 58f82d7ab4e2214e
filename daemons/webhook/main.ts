import { runRole } from '../lib/daemon/role.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { Answerer } from './answer.ts';
import { readHooks } from './hooks-file.ts';
import { serveHooks } from './server.ts';

await runRole('webhook', process.env, async ({ clock, log, notify, stop, config }) => {
  const { webhookHooks, webhookListen } = config.common;
  const hooks = await readHooks(webhookHooks);
  const answerer = new Answerer({ hooks, caller: qrexecCaller({ clock, log }), clock, log, stop });
  const { port, close } = await serveHooks(webhookListen, { answerer, clock, log });
  log.info('listening', { host: webhookListen.host, port, hooks: [...hooks.keys()].join(',') });
  notify.ready();
  notify.status(`listening on ${webhookListen.host} port ${port}`);
  await new Promise((resolve) => {
    if (stop.aborted) resolve(undefined);
    else stop.addEventListener('abort', resolve, { once: true });
  });
  await close();
});
