import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { basename, dirname } from 'node:path';
import type { Clock } from '../../lib/daemon/clock.ts';
import { openForker, type Spawn } from '../../lib/daemon/forker.ts';
import type { Log } from '../../lib/daemon/log.ts';
import { type AgentCall, parseAgentCall } from '../protocol/agent-call.ts';
import { exitNotFound, exitProblem } from '../protocol/messages.ts';
import { PeerProbe } from '../protocol/peer-probe.ts';
import { withSocketPath } from '../protocol/socket-path.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { Channel } from './channel.ts';
import type { DoorConfig } from './config.ts';
import { callEnvironment, serviceEnvironment } from './environment.ts';
import { serveProgram } from './executable.ts';
import { findService } from './find-service.ts';
import { loadRpcConfig, type RpcConfig } from './rpc-config.ts';
import { connectService, serveSocketService } from './socket-service.ts';

export interface AgentOptions {
  readonly clock: Clock;
  readonly log: Log;
}

export interface Agent {
  close(): Promise<void>;
}

/** Does a target qube's part for one door, as the user it runs as. Resolves when the broker can connect. */
export async function startAgent(door: DoorConfig, { clock, log }: AgentOptions): Promise<Agent> {
  await mkdir(dirname(door.socket), { recursive: true, mode: 0o700 });
  const forker = await openForker(dirname(door.socket), log);
  const probe = new PeerProbe(clock);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: false }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    readCall(socket)
      .then(({ call, channel }) => {
        probe.watch(socket, () => socket.isPaused());
        return answer(door, call, channel, { clock, log, probe, spawn: forker.spawn });
      })
      .catch((error: unknown) => {
        log.error(`call dropped: ${error instanceof Error ? error.message : String(error)}`);
        socket.destroy();
      });
  });
  await listen(server, door.socket);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      forker.close();
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  await withSocketPath(
    path,
    (short) =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(short, 512, resolve);
      }),
  );
  // Who else may connect is decided by the folder: the broker's group, where it has a user of its own.
  await chmod(path, 0o660);
}

function readCall(socket: Socket): Promise<Readonly<{ call: AgentCall; channel: Channel }>> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const found = parseAgentCall(bytes);
        if (found === undefined) return;
        socket.off('data', onData);
        resolve({ call: found.call, channel: new Channel(socket, found.rest) });
      } catch (error) {
        reject(error);
      }
    };
    socket.on('data', onData);
    socket.once('close', () => reject(new Error('the broker went away')));
  });
}

interface AnswerOptions extends AgentOptions {
  readonly probe: PeerProbe;
  readonly spawn: Spawn;
}

async function answer(
  door: DoorConfig,
  call: AgentCall,
  channel: Channel,
  options: AnswerOptions,
): Promise<void> {
  const tag = `${call.service}-${call.source}`;
  const { log } = options;
  const end = (status: number, reason: string) => {
    log.warning(reason, { service: tag });
    channel.exit(status);
  };
  const found = findService(call.service, door.servicePath);
  if (found.kind === 'absent') return end(exitNotFound, 'Service not found');
  if (found.kind === 'problem') return end(exitProblem, found.reason);
  const config = configOf(call.service, door.configPath);
  if (config instanceof Error) return end(exitProblem, config.message);
  const user = config.forceUser ?? call.user;
  if (user !== undefined && !mayRunAs(user, door)) {
    return end(exitProblem, `cannot run as ${user}: this qube has one user`);
  }
  if (found.kind !== 'executable') {
    if (door.sandbox !== undefined) return end(exitProblem, 'a disposable here has no socket services');
    const socket = await connectService(found).catch((error: Error) => error);
    if (socket instanceof Error) return end(exitProblem, socket.message);
    return serveSocketService(socket, channel, call, config, options.probe);
  }
  if (door.sandbox !== undefined) {
    return serveDisposable(door, call, basename(found.path), channel, options);
  }
  const argument = call.service.slice(call.service.indexOf('+') + 1);
  const program = options.spawn(found.path, argument === '' ? [] : [argument], {
    env: { ...serviceEnvironment(door), ...callEnvironment(call) },
  });
  await serveProgram(program, channel, { log, tag }).catch((error: Error) => end(exitProblem, error.message));
}

function configOf(service: string, path: string): RpcConfig | Error {
  try {
    return loadRpcConfig(service, path);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** A disposable's one user is root of its namespace there, and `rebuilder-disposable` by its name. */
const disposableUsers: readonly string[] = ['root', 'rebuilder-disposable'];

function mayRunAs(user: string, door: DoorConfig): boolean {
  if (user === 'DEFAULT') return true;
  return door.sandbox === undefined ? user === userInfo().username : disposableUsers.includes(user);
}

async function serveDisposable(
  door: DoorConfig,
  call: AgentCall,
  file: string,
  channel: Channel,
  { clock, log }: AnswerOptions,
): Promise<void> {
  if (door.sandbox === undefined || call.disposable === undefined)
    throw new Error('not a call to a disposable');
  const { name } = call.disposable;
  const tag = `${call.service}-${call.source}`;
  try {
    const inside = { name, service: `/etc/qubes-rpc/${file}`, env: callEnvironment(call) };
    const sandbox = await startSandbox(door.sandbox, inside, clock);
    // A disposable lives for its call, however that ends.
    if (channel.lost.aborted) sandbox.kill();
    channel.lost.addEventListener('abort', () => sandbox.kill(), { once: true });
    log.info(`started ${name}`, { service: tag });
    await serveProgram(sandbox.program, channel, { log, tag });
    await sandbox.gone;
    log.info(`${name} is gone`, { service: tag });
  } catch (error) {
    log.error(`${name} did not start: ${error instanceof Error ? error.message : String(error)}`, {
      service: tag,
    });
    channel.refuse();
  }
}
