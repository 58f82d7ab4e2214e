import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Machine } from '../support/machine.ts';
import { agentUnit, bindDirs, qube } from './qube.ts';

/** What is seen of one disposable after it is gone. */
export type Past = Readonly<{ journal: string }>;

/**
 * Boots a fresh machine for each call, as dom0 boots a disposable (daemon/qrexec-daemon-common.c), joins the call with the
 * agent in it, and takes the machine away when the call is over.
 */
export class DisposableQubes {
  readonly #server = createServer({ allowHalfOpen: true }, (call) => this.#take(call));
  readonly #living = new Set<Promise<void>>();
  readonly #calls = new Set<Socket>();
  /** Those that lived and are gone. */
  readonly past: Past[] = [];
  /** Why one could not be had. */
  readonly failures: unknown[] = [];

  constructor(
    /** Its socket `agent` stands here. */
    readonly folder: string,
    readonly base: string,
  ) {}

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(join(this.folder, 'agent'), resolve);
    });
  }

  #take(call: Socket): void {
    this.#calls.add(call);
    call.on('error', () => {});
    const life = this.#serve(call).catch((error: unknown) => {
      this.failures.push(error);
      call.destroy();
    });
    this.#living.add(life);
    void life.finally(() => this.#living.delete(life));
  }

  async #serve(call: Socket): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'disposable-'));
    const agent = join(folder, 'agent');
    mkdirSync(agent);
    chmodSync(agent, 0o777);
    try {
      const disposable = { qube: this.base, folder: '/run/agent', user: 'rebuilder-disposable' };
      const machine = await Machine.boot(
        qube(['disposable'], {
          files: { ...bindDirs.files, ...agentUnit(disposable) },
          enabled: ['qubes-bind-dirs.service', 'qubes-qrexec-agent.service'],
          binds: { '/run/agent': agent },
        }),
      );
      try {
        await seeWholeProc(machine);
        await joinBoth(call, connect({ path: join(agent, 'agent'), allowHalfOpen: true }));
        this.past.push({ journal: await machine.journal('--unit', 'qubes-qrexec-agent.service') });
      } finally {
        await machine.close();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
      this.#calls.delete(call);
    }
  }

  async close(): Promise<void> {
    for (const call of this.#calls) call.destroy();
    await Promise.all(this.#living);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A container hides parts of /proc, and then the kernel lets no user namespace have one of its own; a virtual machine does not. */
async function seeWholeProc(machine: Machine): Promise<void> {
  await machine.run('sh', '-ec', 'mkdir /run/whole-proc && mount -t proc proc /run/whole-proc');
}

/** Carries bytes both ways until both have ended, or one is lost. */
function joinBoth(call: Socket, agent: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    agent.once('error', reject);
    call.pipe(agent);
    agent.pipe(call);
    call.once('close', () => agent.destroy());
    agent.once('close', () => {
      call.end();
      resolve();
    });
  });
}
