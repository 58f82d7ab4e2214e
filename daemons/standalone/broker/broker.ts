import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { Log } from '../../lib/daemon/log.ts';
import { describeSystem } from '../policy/system.ts';
import type { LivePolicy } from '../policy/watch.ts';
import type { UntrustedTrigger } from '../protocol/messages.ts';
import { PeerProbe } from '../protocol/peer-probe.ts';
import { withSocketPath } from '../protocol/socket-path.ts';
import type { BrokerConfig, CallerSocket } from './config.ts';
import { type Connection, connectCall } from './connect.ts';
import { join } from './join.ts';
import { judge } from './judge.ts';
import { readRequest } from './request.ts';

/** daemon/qrexec-daemon.c: MAX_CLIENTS; and every second of its 256 vchan ports for calls between qubes. */
const maxPending = 256;
const maxOpen = 128;

export interface BrokerOptions {
  readonly config: BrokerConfig;
  readonly policy: LivePolicy;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Broker {
  /** Calls that are connected now, by calling qube. */
  openCalls(qube: string): number;
  /**
   * Goes on by another configuration: opens sockets for callers that are new, ends the calls of those that are gone. One
   * change is made after the other; a socket that cannot be opened keeps no other from it.
   * @throws AggregateError naming each socket that could not be opened; the next change tries again.
   */
  reconfigure(config: BrokerConfig): Promise<void>;
  /** Ends every call and takes no more. */
  close(): Promise<void>;
}

/**
 * Does dom0's part: knows its callers by the sockets they come through, judges by policy, joins caller and agent.
 * Resolves when every socket is bound.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  let { config } = options;
  let system = describeSystem(config.qubes);
  const counts = new Map<string, { pending: number; open: number }>();
  const doors = new Map<string, CallerDoor>();
  const names = new Set<string>();
  const probe = new PeerProbe(options.clock);

  const serve = async (source: string, caller: Socket): Promise<void> => {
    const count = counts.get(source) ?? { pending: 0, open: 0 };
    counts.set(source, count);
    if (count.pending >= maxPending || count.open >= maxOpen) {
      throw new Error('too many calls at once');
    }
    count.pending += 1;
    let connection: Connection | undefined;
    try {
      const trigger = await readRequest(caller, options.clock);
      connection = await answer(source, trigger);
    } finally {
      count.pending -= 1;
    }
    if (connection === undefined) {
      caller.end();
      return;
    }
    if (caller.destroyed) {
      connection.agent.destroy();
      connection.release();
      return;
    }
    count.open += 1;
    probe.watch(caller, () => caller.isPaused());
    try {
      if (!(await join(caller, connection.agent))) {
        options.log.warning('refused: the target did not start', connection.about);
      }
    } finally {
      count.open -= 1;
      connection.release();
    }
  };

  /** Whom the call is connected to; `undefined` when it is refused. */
  const answer = async (source: string, trigger: UntrustedTrigger): Promise<Connection | undefined> => {
    const judged = judge(source, trigger, options.policy, system);
    const about = { source, service: judged.service, target: judged.asked };
    if ('reason' in judged) {
      options.log.warning(`denied: ${judged.reason}`, about);
      return undefined;
    }
    try {
      return await connectCall(judged, source, config, { clock: options.clock, names, about });
    } catch (error) {
      options.log.warning(`refused: ${reasonOf(error)}`, about);
      return undefined;
    }
  };

  const openDoor = async (qube: string, socket: CallerSocket): Promise<void> => {
    const calls = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (caller) => {
      calls.add(caller);
      caller.on('error', () => {});
      caller.once('close', () => calls.delete(caller));
      serve(qube, caller).catch((error: unknown) => {
        options.log.warning(`refused: ${reasonOf(error)}`, { source: qube });
        // Bytes left unread would reach the caller as a reset, and not as the end that means refused.
        caller.resume();
        caller.end();
      });
    });
    await bind(server, socket);
    doors.set(qube, { path: socket.path, server, calls });
  };
  const openDoors = async () => {
    const failed: Error[] = [];
    for (const [qube, socket] of Object.entries(config.callers)) {
      if (doors.has(qube)) continue;
      await openDoor(qube, socket).catch((error: unknown) =>
        failed.push(new Error(`${socket.path}: ${reasonOf(error)}`, { cause: error })),
      );
    }
    if (failed.length > 0) throw new AggregateError(failed, failed.map(({ message }) => message).join('; '));
  };
  const change = async (next: BrokerConfig) => {
    config = next;
    system = describeSystem(next.qubes);
    const gone = [...doors].filter(([qube, { path }]) => next.callers[qube]?.path !== path);
    for (const [qube] of gone) doors.delete(qube);
    await Promise.all(gone.map(([, door]) => closeDoor(door)));
    await openDoors();
  };
  let changed: Promise<unknown> = openDoors();
  await changed;
  return {
    openCalls: (qube) => counts.get(qube)?.open ?? 0,
    reconfigure(next) {
      const mine = changed.then(() => change(next));
      changed = mine.catch(() => {});
      return mine;
    },
    close: async () => void (await Promise.all([...doors.values()].map(closeDoor))),
  };
}

/** Where one qube calls, and its calls. */
interface CallerDoor {
  readonly path: string;
  readonly server: Server;
  readonly calls: ReadonlySet<Socket>;
}

async function closeDoor({ server, calls }: CallerDoor): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const call of calls) call.destroy();
  await closed;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * A folder a role, which nobody else but the broker can enter: who can open the socket in it is that role. Where roles are
 * users of their own, whoever starts the broker has made it.
 */
async function bind(server: Server, { path, folderIsMade }: CallerSocket): Promise<void> {
  const folder = dirname(path);
  if (!folderIsMade) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  }
  await rm(path, { force: true });
  await withSocketPath(
    path,
    (short) =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(short, 512, resolve);
      }),
  );
  await chmod(path, folderIsMade ? 0o666 : 0o600);
}
