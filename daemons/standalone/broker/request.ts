import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Clock, workIsDone } from '../../lib/daemon/clock.ts';
import { MessageError, parseTrigger, type UntrustedTrigger } from '../protocol/messages.ts';

/** A caller that has connected and does not say what it wants is not waited for longer. */
export const requestTimeoutMs = 10_000;

/** Reads the one request of a connection, and puts back what came after it. */
export async function readRequest(
  socket: Socket,
  clock: Clock,
  timeoutMs = requestTimeoutMs,
): Promise<UntrustedTrigger> {
  const over = new AbortController();
  const late = clock.sleep(timeoutMs, over.signal).then(() => {
    throw new MessageError('no request came');
  });
  late.catch(() => {});
  try {
    return await Promise.race([collect(socket, over.signal), late]);
  } finally {
    over.abort(workIsDone);
  }
}

async function collect(socket: Socket, signal: AbortSignal): Promise<UntrustedTrigger> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) {
      bytes = Buffer.concat([bytes, chunk]);
      const found = parseTrigger(bytes);
      if (found === undefined) continue;
      if (found.rest.length > 0) socket.unshift(found.rest);
      return found.trigger;
    }
    if (socket.readableEnded || socket.destroyed) throw new MessageError('the caller went away');
    await Promise.race([once(socket, 'readable', { signal }), once(socket, 'close', { signal })]);
    if (socket.readableLength === 0) throw new MessageError('the caller went away');
  }
}
