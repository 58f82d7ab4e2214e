import { connect, type Socket } from 'node:net';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { LogFields } from '../../lib/daemon/log.ts';
import type { Allowed } from '../policy/evaluate.ts';
import { type AgentCall, encodeAgentCall } from '../protocol/agent-call.ts';
import { withSocketPath } from '../protocol/socket-path.ts';
import type { BrokerConfig } from './config.ts';

/** An allowed call on its way to the agent that answers it. */
export interface Connection {
  readonly agent: Socket;
  readonly about: LogFields;
  /** Gives the disposable's name free. */
  release(): void;
}

export interface ConnectOptions {
  readonly clock: Clock;
  /** Names of the disposables that live now. */
  readonly names: Set<string>;
  readonly about: LogFields;
}

/** Reaches the target's agent and tells it of the call. Throws an `Error` with the reason for the log. */
export async function connectCall(
  judged: Readonly<{ service: string; verdict: Allowed }>,
  source: string,
  config: BrokerConfig,
  { clock, names, about }: ConnectOptions,
): Promise<Connection> {
  const { verdict } = judged;
  const base = /^@dispvm:(.*)$/.exec(verdict.target)?.[1];
  const path = base === undefined ? config.agents[verdict.target] : config.disposables[base];
  if (path === undefined) throw new Error(`${verdict.target} is not a qube that runs here`);
  const agent = await withSocketPath(path, open);
  const name = base === undefined ? undefined : newDisposableName(clock, names);
  const call: AgentCall = {
    service: verdict.service ?? judged.service,
    source,
    ...(verdict.user === undefined ? {} : { user: verdict.user }),
    ...(name === undefined || base === undefined ? {} : { disposable: { name, base } }),
  };
  agent.write(encodeAgentCall(call));
  return {
    agent,
    about: { ...about, target: name ?? verdict.target },
    release: () => name !== undefined && names.delete(name),
  };
}

/** `disp` and a number below 10000, as qubes-core-admin names them (qubes/app.py, domains.get_new_unused_dispid). */
function newDisposableName(clock: Clock, names: Set<string>): string {
  for (;;) {
    const name = `disp${Math.floor(clock.random() * 10_000)}`;
    if (names.has(name)) continue;
    names.add(name);
    return name;
  }
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}
