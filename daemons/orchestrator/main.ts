import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runRole } from '../lib/daemon/role.ts';
import { serveSocket } from '../lib/wire/serve.ts';
import { Beat } from './beat.ts';
import { orchestratorDoor } from './doors/door.ts';
import { openOffice } from './open-office.ts';
import { settingsOf } from './settings.ts';

/** Calls that may be open at once: of one qube (DESIGN §3), and of all. */
const maxOfOneQube = 100;
const maxConnections = 1_000;

/** Ledger, objects, doors and beat, until it is told to stop. */
await runRole('orchestrator', process.env, async ({ clock, log, notify, stop, config, folders }) => {
  const settings = settingsOf(config);
  await mkdir(folders.state, { recursive: true, mode: 0o700 });
  const { office, close } = await openOffice({ clock, log, settings, state: folders.state });
  const beat = await Beat.start(office);
  const door = await serveSocket({
    path: join(folders.runtime, 'door.sock'),
    passed: 'door',
    clock,
    log,
    maxConnections,
    maxOfOneQube,
    onCall: orchestratorDoor(office),
  });
  notify.ready();
  notify.status(`${settings.dists.length} dists, waiting for calls`);
  log.info('ready', { dists: settings.dists.length });
  await beat.run(stop);
  log.info('stopping');
  await door.close();
  await close();
});
