import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { systemClock } from '../../daemons/lib/daemon/clock.ts';
import { run, type SpawnedProgram, spawnProgram } from '../../daemons/lib/daemon/program.ts';
import { installedRoot } from './installed-root.ts';
import { inOwnCgroups, removeOwnCgroups } from './machine-cgroups.ts';

const bootMs = 120_000;

export interface MachineOptions {
  /** Files besides those of the installed root, by their paths: units and settings of a test. */
  readonly files?: Readonly<Record<string, string>>;
  /** Units among them that start with the machine. */
  readonly enabled?: readonly string[];
  /** Folders of ours that it sees, by their paths there. */
  readonly binds?: Readonly<Record<string, string>>;
  /** Whether it has our network; else it has a loopback of its own and nothing more. */
  readonly isNetworked?: boolean;
}

/** Whether it is the first process of a PID namespace: a container's first child only makes that. */
function isFirst(pid: string): boolean {
  if (pid === '') return false;
  try {
    return /^NSpid:.*\s1$/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

/** A Debian 13 booted with its real systemd, in which our packages are installed; what it writes is gone with it. */
export class Machine {
  private constructor(
    readonly folder: string,
    readonly container: SpawnedProgram,
    /** The machine's first process. */
    readonly init: number,
  ) {}

  static async boot(options: MachineOptions = {}): Promise<Machine> {
    const { files = {}, enabled = [], binds = {}, isNetworked = false } = options;
    const folder = mkdtempSync(join(tmpdir(), 'machine-'));
    const at = (name: string) => join(folder, name);
    for (const name of ['upper', 'work', 'root']) mkdirSync(at(name));
    const layers = `lowerdir=${installedRoot},upperdir=${at('upper')},workdir=${at('work')}`;
    await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, at('root')], { timeoutMs: 10_000 });
    const wants = enabled.map((unit) => `[Unit]\nWants=${unit}\n`);
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(at('root'), path)), { recursive: true });
      writeFileSync(join(at('root'), path), text);
    };
    for (const [path, text] of Object.entries(files)) write(path, text);
    for (const [index, text] of wants.entries())
      write(`etc/systemd/system/sysinit.target.d/${index}.conf`, text);
    const name = basename(folder);
    const nspawn = inOwnCgroups(name, [
      ...['systemd-nspawn', '--quiet', '--register=no', '--keep-unit', '--boot', '--console=pipe'],
      ...(isNetworked ? [] : ['--private-network']),
      ...Object.entries(binds).map(([inside, ours]) => `--bind=${ours}:${inside}`),
      ...[`--directory=${at('root')}`, `--machine=${name}`],
    ]);
    const container = spawnProgram(...nspawn, { stdio: ['ignore', 'ignore', 'inherit'] });
    const machine = await Machine.#started(folder, container);
    try {
      await machine.#booted();
    } catch (error) {
      await machine.close();
      throw error;
    }
    return machine;
  }

  static async #started(folder: string, container: SpawnedProgram): Promise<Machine> {
    const { pid } = container;
    const children = `/proc/${pid}/task/${pid}/children`;
    for (let waited = 0; waited < bootMs; waited += 100) {
      const init = readFileSync(children, 'latin1').split(' ').find(isFirst);
      if (init !== undefined) return new Machine(folder, container, Number(init));
      await systemClock.sleep(100);
    }
    throw new Error('the machine has no first process');
  }

  async #booted(): Promise<void> {
    for (let waited = 0; waited < bootMs; waited += 300) {
      const { stdout } = await this.try('systemctl', 'is-system-running');
      if (/^(running|degraded)$/m.test(stdout)) return;
      await systemClock.sleep(300);
    }
    throw new Error(`the machine did not boot: ${(await this.try('systemctl', 'list-jobs')).stdout}`);
  }

  path(name: string): string {
    return join(this.folder, 'root', name);
  }

  /** Runs a program in it; exit codes are an answer. */
  async try(program: string, ...args: readonly string[]): Promise<{ stdout: string; exitCode: number }> {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    const enter = ['--target', String(this.init), '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
    const inside = ['--', 'sh', '-c', 'exec "$0" "$@" 2>&1', program, ...args];
    const { stdout, exitCode } = await run('nsenter', [...enter, ...inside], {
      timeoutMs: 180_000,
      expectCodes: codes,
      env: {
        DEBIAN_FRONTEND: 'noninteractive',
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      },
    });
    return { stdout: stdout.toString('utf8'), exitCode };
  }

  /** What a program in it says; it must succeed. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout, exitCode } = await this.try(program, ...args);
    if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')} (${exitCode}): ${stdout}`);
    return stdout;
  }

  /** A property of a unit, as systemd sees it now. */
  async show(unit: string, property: string): Promise<string> {
    return (await this.run('systemctl', 'show', '--value', '--property', property, unit)).trim();
  }

  async journal(...args: readonly string[]): Promise<string> {
    return await this.run('journalctl', '--no-pager', '--output=cat', ...args);
  }

  async close(): Promise<void> {
    // With its first process all of it ends, and its container takes away what it made here; killed alone, it would not.
    process.kill(this.init, 'SIGKILL');
    await this.container.exited;
    removeOwnCgroups(basename(this.folder));
    await run('umount', [this.path('')], { timeoutMs: 30_000 });
    rmSync(this.folder, { recursive: true, force: true });
  }
}
