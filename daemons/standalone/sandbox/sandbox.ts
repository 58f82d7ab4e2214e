import { join } from 'node:path';
import type { Clock } from '../../lib/daemon/clock.ts';
import { type SpawnedProgram, spawnProgram } from '../../lib/daemon/program.ts';
import { type CgroupFolder, makeCgroups } from './cgroup.ts';

export interface SandboxOptions {
  /** The folder that holds `sandbox/enter.sh` and the programs that services run; shown inside, read-only. */
  readonly lib: string;
  /** The Node binary, shown inside. */
  readonly node: string;
  /** The only folder of services; shown inside as /etc/qubes-rpc. */
  readonly services: string;
  /** An empty folder of the agent's user, on which a sandbox furnishes its root (in a mount namespace of its own). */
  readonly mountPoint: string;
  /** Bytes that `/tmp`, `/run` and the like may take together. */
  readonly rootBytes: number;
  /** Bytes of the private volume, /var/lib/disposable. */
  readonly scratchBytes: number;
  /** Processes and threads. */
  readonly processes: number;
  /** Bytes of memory, the private volume's included; counts only where a cgroup can be had. */
  readonly memoryBytes: number;
  /** Folders of cgroup hierarchies in which the agent may make groups. */
  readonly cgroups: readonly CgroupFolder[];
}

export interface SandboxCall {
  /** The sandbox's host name, `dispNNNN`. */
  readonly name: string;
  /** The service's path inside. */
  readonly service: string;
  /** The QREXEC_… variables of the call. */
  readonly env: Readonly<Record<string, string>>;
}

/** A sandbox could not be made; the message is what its set-up said last. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
  readonly code = 'sandbox';
}

const upLine = 'sandbox: up\n';
const maxSetupOutput = 65_536;

export interface Sandbox {
  readonly program: SpawnedProgram;
  /** Resolves when nothing of it is left. */
  readonly gone: Promise<void>;
  /** Ends everything in it. */
  kill(): void;
}

/**
 * Runs a service in a sandbox: own user, mount, PID, network, IPC, UTS (and, where the kernel has them, cgroup and time)
 * namespaces; a root of its own with the host's programs read-only, and nothing that outlives the call. It dies with the
 * agent, too. Rejects with a `SandboxError` unless the service is about to start.
 */
export async function startSandbox(
  options: SandboxOptions,
  call: SandboxCall,
  clock: Clock,
): Promise<Sandbox> {
  const cgroups = await makeCgroups(options.cgroups, call.name, options);
  const program = spawnProgram(
    'setpriv',
    ['--pdeathsig', 'KILL', 'sh', join(options.lib, 'sandbox/enter.sh')],
    {
      cwd: '/',
      env: {
        ...call.env,
        ...limitedBy(cgroups.controllers),
        SANDBOX_PARENT: String(process.pid),
        SANDBOX_CGROUPS: cgroups.procs.join(' '),
        SANDBOX_PROCESSES: String(options.processes),
        SANDBOX_LIB: options.lib,
        SANDBOX_NODE: options.node,
        SANDBOX_SERVICES: options.services,
        SANDBOX_SERVICE: call.service,
        SANDBOX_NAME: call.name,
        SANDBOX_ROOT: options.mountPoint,
        SANDBOX_ROOT_BYTES: String(options.rootBytes),
        SANDBOX_SCRATCH_BYTES: String(options.scratchBytes),
      },
    },
  );
  const gone = program.exited.then(
    () => cgroups.remove(clock),
    () => cgroups.remove(clock),
  );
  try {
    await whenUp(program);
  } catch (error) {
    program.kill('SIGKILL');
    await gone;
    throw error;
  }
  return { program, gone, kill: () => program.kill('SIGKILL') };
}

/** A service reads what limits memory in $DISPOSABLE_LIMITED_BY; where it is unset, nothing does. */
function limitedBy(controllers: readonly string[]): Record<string, string> {
  return controllers.includes('memory') ? { DISPOSABLE_LIMITED_BY: `cgroup ${controllers.join(',')}` } : {};
}

/** Waits for the line with which the set-up ends; what the service then says stays in the stream. */
async function whenUp(program: SpawnedProgram): Promise<void> {
  const { stderr } = program;
  let said = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    const fail = () => {
      const last = said.toString('utf8').trim().split('\n').at(-1) ?? '';
      reject(new SandboxError(last === '' ? 'the sandbox did not start' : last));
    };
    const onReadable = () => {
      for (let chunk = stderr.read(); chunk !== null; chunk = stderr.read()) {
        said = Buffer.concat([said, chunk as Buffer]);
      }
      const end = said.indexOf(upLine);
      if (end < 0 && said.length > maxSetupOutput) fail();
      if (end < 0) return;
      stop();
      if (said.length > end + upLine.length) stderr.unshift(said.subarray(end + upLine.length));
      resolve();
    };
    const stop = () => {
      stderr.off('readable', onReadable);
      stderr.off('end', fail);
    };
    stderr.on('readable', onReadable);
    stderr.once('end', fail);
    program.exited.catch((error: unknown) => {
      stop();
      reject(new SandboxError(error instanceof Error ? error.message : String(error)));
    });
  });
}
