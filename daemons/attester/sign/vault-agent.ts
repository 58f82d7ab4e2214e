import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { run } from '../../lib/daemon/program.ts';
import type { Caller } from '../../lib/wire/call.ts';
import { endingOf } from './call-ending.ts';

/** gpg's home in this qube, whose agent is in the vault: each connection to its socket is one `qubes.Gpg2` call. */
export interface VaultAgent {
  readonly home: string;
  /** Of the last call, once it is over, why it ended without the agent's greeting; undefined when it had it. */
  refusal(): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface VaultAgentOptions {
  /** Made anew; short, for a socket stands in it. */
  readonly home: string;
  readonly publicKeys: readonly Uint8Array[];
  readonly caller: Pick<Caller, 'raw'>;
}

const timeoutMs = 60_000;
const maxSaid = 65_536;

/**
 * What split-gpg2-client does with socat and a user's unit (facts: split-gpg), for a daemon: public keys in a home of its
 * own, and a socket where gpg looks for its agent.
 */
export async function openVaultAgent(options: VaultAgentOptions): Promise<VaultAgent> {
  const { home, publicKeys, caller } = options;
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true, mode: 0o700 });
  const gpg = ['--homedir', home, '--batch', '--no-autostart', '--no-tty'];
  for (const input of publicKeys) await run('gpg', [...gpg, '--import'], { timeoutMs, input });
  const { stdout } = await run('gpgconf', ['--homedir', home, '--list-dirs', 'agent-socket'], { timeoutMs });
  const path = decodeURIComponent(stdout.toString('utf8').trim());
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(path, { force: true });

  let last: Promise<string | undefined> = Promise.resolve(undefined);
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    last = carry(socket, caller);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    home,
    refusal: () => last,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Joins gpg and the vault until either has done; why the vault did not even greet, if so. */
async function carry(socket: Socket, caller: Pick<Caller, 'raw'>): Promise<string | undefined> {
  const call = caller.raw('qubes.Gpg2', '@default');
  let said = '';
  let greeted = false;
  call.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-maxSaid);
  });
  call.stdout.once('data', (chunk: Buffer) => {
    greeted = chunk.subarray(0, 2).toString('latin1') === 'OK';
  });
  for (const stream of [socket, call.stdin, call.stdout, call.stderr]) stream.on('error', () => {});
  socket.pipe(call.stdin);
  call.stdout.pipe(socket);
  socket.once('close', () => call.kill());
  const status = await call.exited.catch(() => undefined);
  socket.end();
  return greeted ? undefined : endingOf('qubes.Gpg2', status, said);
}
