import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../lib/daemon/clock.ts';
import { ConfigError, configPaths, loadConfig } from '../lib/daemon/config.ts';
import { type Log, openLog } from '../lib/daemon/log.ts';
import { openNotify } from '../lib/daemon/notify.ts';
import { stopSignal } from '../lib/daemon/stop.ts';
import { serveSocket } from '../lib/wire/serve.ts';
import { Beat } from './beat.ts';
import { orchestratorDoor } from './doors/door.ts';
import { openOffice } from './open-office.ts';
import { RefusedConfig, settingsOf } from './settings.ts';

/** The orchestrator: ledger, objects, doors and beat, until it is told to stop. */

/** At most 100 open calls a qube (DESIGN §3), for some qubes at once. */
const maxConnections = 400;

async function main(clock: Clock, log: Log, env: NodeJS.ProcessEnv): Promise<void> {
  const stop = stopSignal();
  const notify = openNotify(clock);
  const config = loadConfig('orchestrator', { paths: configPaths(env), env });
  for (const warning of config.warnings) log.warning(warning);
  const settings = settingsOf(config);
  const state = env.STATE_DIRECTORY ?? '/var/lib/package-rebuilder/orchestrator';
  const runtime = env.RUNTIME_DIRECTORY ?? '/run/package-rebuilder/orchestrator';
  await mkdir(state, { recursive: true, mode: 0o700 });
  const { office, close } = await openOffice({ clock, log, settings, state });
  const beat = await Beat.start(office);
  const door = await serveSocket({
    ...(env.LISTEN_FDS === undefined ? { path: join(runtime, 'door.sock') } : {}),
    clock,
    log,
    maxConnections,
    onCall: orchestratorDoor(office),
  });
  notify.ready();
  notify.status(`${settings.dists.length} dists, waiting for calls`);
  log.info('ready', { dists: settings.dists.length });
  await beat.run(stop);
  notify.stopping();
  log.info('stopping');
  await door.close();
  await close();
  notify.close();
}

const log = openLog('orchestrator');
try {
  await main(systemClock, log, process.env);
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof RefusedConfig)) throw error;
  log.error(error.message);
  process.exitCode = 1;
}
