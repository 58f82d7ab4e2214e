import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock as clock } from '../../daemons/lib/daemon/clock.ts';
import { run, spawnProgram } from '../../daemons/lib/daemon/program.ts';
import { type DaemonRole, daemonRoles } from '../../daemons/lib/domain/roles.ts';
import { receiveDatagrams } from '../support/datagrams.ts';
import { openRealLine } from '../support/real-line.ts';
import { type BenchReport, series } from './report.ts';

/** What a standing qube has to have: DESIGN's small qubes. No rival does the same work. */

const samples = 5;
const settleMs = 15_000;
const betweenMs = 2_000;
const mebibyte = 1_048_576;

/** Resident MiB of the largest idle daemon, the small processes that it keeps included. */
export async function benchIdleMemory(): Promise<BenchReport> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-idle-'));
  const line = await openRealLine({
    settings: `webhook-hooks = ${await writeHooks(folder, 'rebuilder-webhook')}`,
    args: ['--with', 'webhook'],
  });
  try {
    await clock.sleep(settleMs);
    const measured = new Map<DaemonRole, number[]>(daemonRoles.map((role) => [role, []]));
    for (let sample = 0; sample < samples; sample++) {
      for (const [role, sizes] of measured) sizes.push(residentOf(line.folder, role) / mebibyte);
      await clock.sleep(betweenMs);
    }
    return worst('idle-memory', 'MiB', measured, { idleSeconds: settleMs / 1_000 });
  } finally {
    await line.close();
    rmSync(folder, { recursive: true });
  }
}

/** Seconds from a daemon's start until it says READY, of the slowest. */
export async function benchStartTime(): Promise<BenchReport> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-start-'));
  try {
    const config = join(folder, 'rebuilder.conf');
    writeFileSync(config, `[common]\nwebhook-hooks = ${await writeHooks(folder)}\n`);
    const measured = new Map<DaemonRole, number[]>(daemonRoles.map((role) => [role, []]));
    // In turn, so that what else the machine does meets all alike.
    for (let sample = 0; sample < samples; sample++) {
      for (const [role, times] of measured) times.push(await secondsToReady(folder, config, role));
    }
    return worst('start-time', 's', measured, {});
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function secondsToReady(folder: string, config: string, role: DaemonRole): Promise<number> {
  const at = (name: string) => {
    const path = join(folder, role, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  const socket = join(at('notify'), 'socket');
  const messages = await receiveDatagrams(socket);
  const started = clock.monotonic();
  const daemon = spawnProgram(process.execPath, [resolve(`build/lib/${role}.js`)], {
    env: {
      PACKAGE_REBUILDER_CONF: config,
      NOTIFY_SOCKET: socket,
      STATE_DIRECTORY: at('state'),
      CACHE_DIRECTORY: at('cache'),
      RUNTIME_DIRECTORY: at('run'),
      QREXEC_CLIENT_VM: resolve('build/bin/qrexec-client-vm'),
    },
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true,
  });
  try {
    const ended = daemon.exited.then(({ code }) => {
      throw new Error(`${role} ended with ${code} before it was ready`);
    });
    while ((await Promise.race([messages.next(), ended])) !== 'READY=1');
    ended.catch(() => {});
    return (clock.monotonic() - started) / 1_000;
  } finally {
    daemon.kill('SIGKILL');
    await daemon.exited;
    await messages.close();
    rmSync(join(folder, role), { recursive: true });
  }
}

/** The role whose median is the largest is ours; every role stands in the conditions. */
function worst(
  name: string,
  unit: string,
  measured: ReadonlyMap<DaemonRole, readonly number[]>,
  conditions: Readonly<Record<string, unknown>>,
): BenchReport {
  const roles = [...measured].map(([role, values]) => ({ role, ...series(values) }));
  const [first, ...others] = roles.sort((one, other) => other.median - one.median);
  if (first === undefined) throw new Error('no role was measured');
  return {
    name,
    unit,
    ours: { median: first.median, samples: first.samples },
    rival: null,
    ratio: null,
    conditions: {
      worst: first.role,
      medians: Object.fromEntries([first, ...others].map(({ role, median }) => [role, median])),
      sum: roles.reduce((sum, { median }) => sum + median, 0),
      node: process.version,
      ...conditions,
    },
  };
}

/** Bytes that the role's daemon of a line, and what it started, have in memory. */
function residentOf(folder: string, role: DaemonRole): number {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => readProcess(pid));
  const daemon = processes.find(
    ({ args, environment }) =>
      args.at(-1)?.endsWith(`/build/lib/${role}.js`) && environment.includes(`${folder}/`),
  );
  if (daemon === undefined) throw new Error(`${role} does not run`);
  const below = (pid: number): number =>
    processes
      .filter(({ parent }) => parent === pid)
      .reduce((sum, child) => sum + child.resident + below(child.pid), 0);
  return daemon.resident + below(daemon.pid);
}

function readProcess(name: string) {
  try {
    const status = readFileSync(`/proc/${name}/status`, 'utf8');
    const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return [
      {
        pid: Number(name),
        parent: number('PPid'),
        resident: number('VmRSS') * 1_024,
        args: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1),
        environment: readFileSync(`/proc/${name}/environ`, 'utf8'),
      },
    ];
  } catch {
    return [];
  }
}

async function writeHooks(folder: string, owner?: string): Promise<string> {
  const path = join(folder, 'hooks');
  writeFileSync(path, 'bench plain a-secret-of-enough-characters\n', { mode: 0o600 });
  if (owner === undefined) return path;
  await run('chmod', ['711', folder], { timeoutMs: 10_000 });
  const { stdout } = await run('getent', ['passwd', owner], { timeoutMs: 10_000 });
  const [, , uid = 0, gid = 0] = stdout.toString().split(':').map(Number);
  chownSync(path, uid, gid);
  return path;
}
