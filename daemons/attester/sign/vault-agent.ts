import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import { run } from '../../lib/daemon/program.ts';
import type { Caller } from '../../lib/wire/call.ts';
import { type AgentCall, carry } from './agent-call.ts';

/** gpg's home in this qube, whose agent is in the vault: each connection to its socket is one `qubes.Gpg2` call. */
export interface VaultAgent {
  readonly home: string;
  /** Watches the calls that begin from now on. */
  watch(): CallWatch;
  close(): Promise<void>;
}

export interface CallWatch {
  /** What the vault has done in one of them that keeps gpg from signing, if anything. */
  trouble(): Promise<JobFailure | undefined>;
  stop(): void;
}

export interface VaultAgentOptions {
  /** Made anew; short, for a socket stands in it. */
  readonly home: string;
  readonly publicKeys: readonly Uint8Array[];
  readonly caller: Pick<Caller, 'raw'>;
  readonly clock: Clock;
}

const timeoutMs = 60_000;

/**
 * What split-gpg2-client does with socat and a user's unit (facts: split-gpg), for a daemon: public keys in a home of its
 * own, and a socket where gpg looks for its agent.
 */
export async function openVaultAgent(options: VaultAgentOptions): Promise<VaultAgent> {
  const { home, publicKeys } = options;
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true, mode: 0o700 });
  const gpg = ['--homedir', home, '--batch', '--no-autostart', '--no-tty'];
  for (const input of publicKeys) await run('gpg', [...gpg, '--import'], { timeoutMs, input });
  const { stdout } = await run('gpgconf', ['--homedir', home, '--list-dirs', 'agent-socket'], { timeoutMs });
  const path = decodeURIComponent(stdout.toString('utf8').trim());
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(path, { force: true });

  const watches = new Set<AgentCall[]>();
  const open = new Map<Socket, AgentCall>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const call = carry(socket, options);
    open.set(socket, call);
    socket.once('close', () => open.delete(socket));
    for (const calls of watches) calls.push(call);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    home,
    watch() {
      const calls: AgentCall[] = [];
      watches.add(calls);
      return {
        async trouble() {
          for (const call of calls) {
            const trouble = await call.trouble();
            if (trouble !== undefined) return trouble;
          }
          return undefined;
        },
        stop: () => void watches.delete(calls),
      };
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const [socket, call] of open) {
        call.kill();
        socket.destroy();
      }
      await closed;
    },
  };
}
