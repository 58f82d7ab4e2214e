import { type Clock, systemClock } from './clock.ts';
import { configPaths, loadConfig, type RoleConfig } from './config.ts';
import type { Role } from './keys.ts';
import { type Log, openLog } from './log.ts';
import { type Notify, openNotify } from './notify.ts';
import { stopSignal } from './stop.ts';

/** What the daemon of a role has from its start. */
export interface RoleParts<R extends Role> {
  readonly clock: Clock;
  readonly log: Log;
  readonly notify: Notify;
  /** Aborted when the daemon is told to stop. */
  readonly stop: AbortSignal;
  readonly config: RoleConfig<R>;
  /** What lasts and what can be made again: systemd's folders, else the usual ones. */
  readonly folders: Readonly<{ state: string; cache: string; runtime: string }>;
}

/**
 * The frame of every role's daemon: reads its configuration, runs it until it ends, and tells systemd and the journal.
 * What ends it early is one line in the journal and exit code 1.
 */
export async function runRole<R extends Role>(
  role: R,
  env: NodeJS.ProcessEnv,
  main: (parts: RoleParts<R>) => Promise<void>,
): Promise<void> {
  const clock = systemClock;
  const log = openLog(role);
  const notify = openNotify(clock, env);
  const stop = stopSignal();
  try {
    const config = loadConfig(role, { paths: configPaths(env), env });
    for (const warning of config.warnings) log.warning(warning);
    await main({ clock, log, notify, stop, config, folders: foldersOf(role, env) });
    notify.stopping();
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    // What was opened until then would keep the process, and systemd from starting it again.
    process.exit(1);
  } finally {
    notify.close();
  }
}

function foldersOf(role: Role, env: NodeJS.ProcessEnv) {
  return {
    state: env.STATE_DIRECTORY ?? `/var/lib/package-rebuilder/${role}`,
    cache: env.CACHE_DIRECTORY ?? `/var/cache/package-rebuilder/${role}`,
    runtime: env.RUNTIME_DIRECTORY ?? `/run/package-rebuilder/${role}`,
  };
}
