import { constants } from 'node:fs';
import { access, readdir, readFile, stat, statfs } from 'node:fs/promises';
import { hostname, totalmem } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { qubeOf } from '../../lib/contracts/qubes.ts';
import { splitGpgServices } from '../../lib/contracts/split-gpg.ts';
import { ConfigError, configPaths, loadConfig } from '../../lib/daemon/config.ts';
import { ProgramError, run } from '../../lib/daemon/program.ts';
import { type DaemonRole, daemonRoles } from '../../lib/domain/roles.ts';
import type { QubeFacts, RoleFacts, UnitFacts } from './examine.ts';
import { needs } from './needs.ts';

type Env = Readonly<Record<string, string | undefined>>;

const mebibyte = 1_048_576;
const timeoutMs = 10_000;
const flags = '/run/qubes-service';
const devices = '/dev/xen';

/** Looks at this qube, or host: the roles that are switched on, or those named. */
export async function gatherFacts(named: readonly DaemonRole[], env: Env): Promise<QubeFacts> {
  const isQubes = await isThere('/run/qubes');
  const roles = named.length > 0 ? named : await rolesHere();
  return {
    qube: (await said('qubesdb-read', ['/name'])) ?? hostname(),
    isQubes,
    memory: totalmem() / mebibyte,
    memoryLimit: isQubes ? mebibytesOf(await said('xenstore-read', ['memory/static-max'])) : undefined,
    roles: await Promise.all(roles.map((role) => roleFacts(role, { isQubes, env }))),
  };
}

async function rolesHere(): Promise<readonly DaemonRole[]> {
  const names = await readdir(flags).catch((): string[] => []);
  return daemonRoles.filter((role) => names.includes(`package-rebuilder-${role}`));
}

async function roleFacts(
  role: DaemonRole,
  { isQubes, env }: Readonly<{ isQubes: boolean; env: Env }>,
): Promise<RoleFacts> {
  const unit = `package-rebuilder-${role}.service`;
  return {
    role,
    state: await stateFacts(`/var/lib/package-rebuilder/${role}`),
    missing: await missingOf(Object.keys(needs[role].programs), env),
    configuration: configurationOf(role, env),
    lacksSplitGpg: role === 'vault' && isQubes && !(await answersSplitGpg()),
    outsider: await outsiderOf(qubeOf(role)),
    unit: (await isThere('/run/systemd/system'))
      ? unitOf(await said('systemctl', ['show', unit]))
      : undefined,
  };
}

/** Of what systemctl(1) `show` prints: `Name=value`, a line each. */
function unitOf(shown: string | undefined): UnitFacts | undefined {
  const state = /^ActiveState=(.*)$/m.exec(shown ?? '')?.[1];
  const restarts = /^NRestarts=(\d+)$/m.exec(shown ?? '')?.[1];
  return state === undefined ? undefined : { state, restarts: Number(restarts ?? 0) };
}

/** MiB of the KiB that the hypervisor's store tells (docs/misc/xenstore-paths.pandoc: `~/memory/static-max`). */
function mebibytesOf(said: string | undefined): number | undefined {
  return said !== undefined && /^\d+$/.test(said) ? Number(said) / 1_024 : undefined;
}

/** Of the folder, or the nearest one above it that is there. */
async function stateFacts(path: string): Promise<RoleFacts['state']> {
  let folder = path;
  while (!(await isThere(folder))) folder = dirname(folder);
  const { blocks, bavail, bsize } = await statfs(folder);
  const [here, root] = await Promise.all([stat(folder), stat('/')]);
  return {
    path,
    size: (blocks * bsize) / mebibyte,
    free: (bavail * bsize) / mebibyte,
    lasts: here.dev !== root.dev,
  };
}

async function missingOf(programs: readonly string[], env: Env): Promise<readonly string[]> {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = await Promise.all(
    programs.map(async (program) => {
      const places = folders.map((folder) => access(join(folder, program), constants.X_OK));
      return (await Promise.allSettled(places)).some(({ status }) => status === 'fulfilled');
    }),
  );
  return programs.filter((_, at) => found[at] !== true);
}

function configurationOf(role: DaemonRole, env: Env): string | undefined {
  try {
    loadConfig(role, { paths: configPaths(env), env });
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** Whoever makes a call opens Qubes' devices: without the group every call fails, and nothing says why. */
async function outsiderOf(user: string): Promise<string | undefined> {
  if (!(await isThere(devices))) return undefined;
  const group = /^qubes:[^:]*:\d*:(.*)$/m.exec(await readFile('/etc/group', 'utf8'))?.[1] ?? '';
  return group.split(',').includes(user) ? undefined : user;
}

async function answersSplitGpg(): Promise<boolean> {
  const services = splitGpgServices.map(({ service }) => isThere(`/etc/qubes-rpc/${service}`));
  return (await Promise.all(services)).includes(true);
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** What a program prints, whatever its exit code; undefined where it is not there. */
async function said(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, args, { timeoutMs, expectCodes: [0, 1, 2, 3, 4] });
    return stdout.toString('utf8').trim() || undefined;
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}
