import { chmod, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../daemon/clock.ts';
import type { Log } from '../daemon/log.ts';
import { passedSocket } from '../daemon/passed-socket.ts';
import type { QubeName } from '../domain/names.ts';
import { encodeHeader } from './header.ts';
import { refusalHeader } from './refusal.ts';
import { ReplyError } from './reply-error.ts';
import { readSocketHeader, type ServedCall } from './socket-header.ts';

export { type Answer, answer, type Channel, type Handler } from './answer.ts';
export { ReplyError } from './reply-error.ts';
export type { ServedCall } from './socket-header.ts';

export interface ServeOptions {
  /** Where to listen, unless systemd listens there already and passed a socket of the name `passed`. */
  readonly path: string;
  readonly passed?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** More calls than these at once, of all qubes or of one, are told `busy`. */
  readonly maxConnections: number;
  readonly maxOfOneQube: number;
  /** The connection is closed when this settles; what it throws goes to the log. */
  onCall(call: ServedCall, channel: Duplex): Promise<void>;
}

/** root and the session's user connect for other qubes (facts: qrexec §6); the group is `qubes`. */
const socketMode = 0o660;

/** A qrexec socket service: one connection a call. */
export async function serveSocket(options: ServeOptions): Promise<{ close(): Promise<void> }> {
  const open = new Set<Socket>();
  const perQube = new Map<QubeName, number>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    if (open.size > options.maxConnections) {
      refuse(socket);
      return;
    }
    void serveCall(socket, perQube, options);
  });
  await listen(server, options);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function refuse(socket: Socket): void {
  socket.end(encodeHeader(refusalHeader(new ReplyError('busy', 'too many calls at once'))));
  socket.destroySoon();
}

async function serveCall(
  socket: Socket,
  perQube: Map<QubeName, number>,
  options: ServeOptions,
): Promise<void> {
  try {
    const call = await readSocketHeader(socket, options.clock);
    const before = perQube.get(call.source) ?? 0;
    if (before >= options.maxOfOneQube) return refuse(socket);
    perQube.set(call.source, before + 1);
    try {
      await options.onCall(call, socket);
    } finally {
      countDown(perQube, call.source);
    }
  } catch (error) {
    options.log.warning('call failed', { say: error instanceof Error ? error.message : String(error) });
  } finally {
    if (socket.writableEnded) socket.destroySoon();
    else socket.destroy();
  }
}

function countDown(counts: Map<QubeName, number>, qube: QubeName): void {
  const left = (counts.get(qube) ?? 1) - 1;
  if (left > 0) counts.set(qube, left);
  else counts.delete(qube);
}

async function listen(server: Server, { path, passed }: ServeOptions): Promise<void> {
  const fd = passed === undefined ? undefined : passedSocket(passed);
  if (fd === undefined) await unlink(path).catch(ignoreMissing);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(fd === undefined ? { path } : { fd }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  if (fd === undefined) await chmod(path, socketMode);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
