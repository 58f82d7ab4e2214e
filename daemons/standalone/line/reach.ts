import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { shellStatus, spawnProgram } from '../../lib/daemon/program.ts';

/** What has to be done so that users of their own can reach the paths of a line. */
export interface ReachPlan {
  /** Folders that let nobody in, to be hidden by ones that do. */
  readonly covered: readonly string[];
  /** What has to appear again below them. */
  readonly shown: readonly string[];
}

/**
 * A checkout below /root or in a folder that `mktemp -d` made: the roles' users cannot get there. `paths` are what they
 * need to reach; those that a line makes private itself are named by the folder that holds them.
 */
export function planReach(paths: readonly string[]): ReachPlan | undefined {
  const covered = new Set<string>();
  const shown = new Set<string>();
  for (const path of paths) {
    const blocked = foldersTo(path).filter((folder) => !passable(folder));
    for (const folder of blocked) covered.add(folder);
    // A blocked folder cannot be shown itself: what is in it can.
    if (blocked.includes(path)) for (const name of readdirSync(path)) shown.add(join(path, name));
    else if (blocked.length > 0) shown.add(path);
  }
  return covered.size === 0 ? undefined : { covered: [...covered], shown: [...shown] };
}

const othersPass = 0o001;

function passable(folder: string): boolean {
  return (statSync(folder).mode & othersPass) !== 0;
}

/** The folders on the way to a path, `/` first; the path itself only if it is a folder. */
function foldersTo(path: string): string[] {
  const above = path === '/' ? [] : foldersTo(dirname(path));
  return statSync(path).isDirectory() ? [...above, path] : above;
}

/** Set in a line that runs where its paths can be reached. */
export const reachedMark = 'LINE_REACHED';

/**
 * Runs this very program again where the roles' users can reach its paths, and answers with its exit code; `undefined`
 * if they can already. `folders` are the line's own, made and opened for passing through here.
 */
export async function rerunReachable(
  folders: readonly string[],
  paths: readonly string[],
  options: Readonly<{ script: string; stop: AbortSignal; atOnce: AbortSignal }>,
): Promise<number | undefined> {
  if (process.env[reachedMark] !== undefined) return undefined;
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    chmodSync(folder, 0o711);
  }
  const plan = planReach([...folders, ...paths]);
  if (plan === undefined) return undefined;
  const program = spawnProgram(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', 'unshare', '--mount', '--propagation', 'slave', 'perl', options.script],
      ...[...plan.covered, '--', ...plan.shown, '--', ...process.argv],
    ],
    {
      cwd: '/',
      // Not the process that systemd watches, it feeds the watchdog for it: sd_watchdog_enabled(3).
      env: { ...definedOf({ ...process.env, WATCHDOG_PID: undefined }), [reachedMark]: '1' },
      stdio: ['inherit', 'inherit', 'inherit'],
    },
  );
  options.stop.addEventListener('abort', () => program.kill('SIGTERM'));
  options.atOnce.addEventListener('abort', () => program.kill('SIGQUIT'));
  process.on('SIGHUP', () => program.kill('SIGHUP'));
  return shellStatus(await program.exited);
}

function definedOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
