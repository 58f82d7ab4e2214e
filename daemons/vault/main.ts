import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runRole } from '../lib/daemon/role.ts';
import { serveSocket } from '../lib/wire/serve.ts';
import { vaultDoor } from './sign/door.ts';
import { Signer } from './sign/signer.ts';

/** Calls that may be open at once: of one qube, and of all. Each may hold one document in memory. */
const maxOfOneQube = 8;
const maxConnections = 16;

/** Answers `rebuilder.Sign` until it is told to stop. OpenPGP is split GPG's, a process a call. */
await runRole('vault', process.env, async ({ clock, log, notify, stop, config, folders }) => {
  const { state, runtime } = folders;
  await mkdir(state, { recursive: true, mode: 0o700 });
  const signer = await Signer.open({ clock, log, state, perMinute: config.common.signRate });
  const door = await serveSocket({
    ...(process.env.LISTEN_FDS === undefined ? { path: join(runtime, 'door.sock') } : {}),
    clock,
    log,
    maxConnections,
    maxOfOneQube,
    onCall: vaultDoor({ clock, log, signer }),
  });
  notify.ready();
  notify.status('waiting for calls');
  log.info('ready', { 'sign-rate': config.common.signRate });
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info('stopping');
  await door.close();
});
