import { connect, type Socket } from 'node:net';
import { messageKinds } from '../protocol/messages.ts';
import type { PeerProbe } from '../protocol/peer-probe.ts';
import { withSocketPath } from '../protocol/socket-path.ts';
import type { CallerInput, Channel } from './channel.ts';
import type { FoundService } from './find-service.ts';
import type { RpcConfig } from './rpc-config.ts';

type Place = Extract<FoundService, { kind: 'socket' | 'tcp' }>;

/** Connects to a daemon; rejects where it cannot be reached. */
export function connectService(place: Place): Promise<Socket> {
  if (place.kind === 'socket') return withSocketPath(place.path, (path) => open({ path }));
  return open({ host: place.host, port: place.port });
}

function open(address: Readonly<{ path: string } | { host: string; port: number }>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/**
 * Joins a daemon's socket with a caller: the header `SERVICE+ARG SOURCE NUL`, then the caller's bytes as they come.
 * The call ends, with 0, when both directions have; a daemon that closes its socket whole ends it at once, one that
 * only half-closes waits for the caller unless `exit-on-service-eof` (libqrexec/process_io.c).
 */
export async function serveSocketService(
  socket: Socket,
  channel: Channel,
  call: Readonly<{ service: string; source: string }>,
  config: RpcConfig,
  probe: PeerProbe,
): Promise<void> {
  channel.lost.addEventListener('abort', () => socket.destroy(), { once: true });
  const deaf = keepReadingWhenDeaf(socket);
  if (!config.skipServiceDescriptor) socket.write(`${call.service} ${call.source}\0`);
  const callerEnded = new Promise<void>((resolve) => channel.connected(feed(socket, channel, resolve)));
  channel.end(messageKinds.stderr);
  const serviceEnded = channel.forward(messageKinds.stdout, socket);
  probe.watch(socket, () => socket.readableEnded);
  const bothEnded = Promise.all([serviceEnded, Promise.race([callerEnded, deaf])]);
  const early = config.exitOnClientEof ? [callerEnded] : config.exitOnServiceEof ? [serviceEnded] : [];
  await Promise.race([bothEnded, ...early]);
  socket.destroy();
  await serviceEnded;
  channel.exit(0);
}

/**
 * A daemon may answer and close before it has read everything. What it said must still be read, so a write that fails
 * does not destroy the socket, as Node would have it: it resolves the promise, and what is written then is dropped.
 */
function keepReadingWhenDeaf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const write = socket._write.bind(socket);
    const writev = socket._writev?.bind(socket);
    const forgive = (callback: (error?: Error | null) => void) => (error?: Error | null) => {
      if (error) resolve();
      callback();
    };
    socket._write = (chunk, encoding, callback) => write(chunk, encoding, forgive(callback));
    if (writev) socket._writev = (chunks, callback) => writev(chunks, forgive(callback));
    const final = socket._final.bind(socket);
    socket._final = (callback) => final(forgive(callback));
    socket.once('close', resolve);
  });
}

function feed(socket: Socket, channel: Channel, onEnd: () => void): CallerInput {
  socket.on('drain', () => channel.resume());
  socket.once('close', () => channel.resume());
  return {
    data: (chunk) => !socket.writable || socket.write(chunk),
    end() {
      if (socket.writable) socket.end();
      onEnd();
    },
  };
}
