import { connect } from 'node:net';
import type { Contract } from '../../daemons/lib/contracts/contract.ts';
import { systemClock } from '../../daemons/lib/daemon/clock.ts';
import { CallError, type Caller } from '../../daemons/lib/wire/call.ts';
import { readMessage, writeMessage } from '../../daemons/lib/wire/frame.ts';
import { parseRefusal } from '../../daemons/lib/wire/refusal.ts';

/** A caller that stands where the target's qrexec agent does: it connects to a socket service and writes the header. */
export function socketCaller(path: string, source: string): Caller {
  return {
    async call<A extends string, Q, R>(
      contract: Contract<A, Q, R>,
      argument: A,
      request: object,
      options: Parameters<Caller['call']>[3] = {},
    ) {
      const socket = connect({ path, allowHalfOpen: true });
      socket.on('error', () => {});
      options.signal?.addEventListener('abort', () => socket.destroy(), { once: true });
      socket.write(`${contract.service}+${argument} ${source}\0`);
      const written = writeMessage(socket, { v: 1, ...request }, options.objects ?? [], {
        clock: systemClock,
      })
        .then(() => socket.end())
        .catch(() => {});
      const message = await readMessage(socket, {
        clock: systemClock,
        maxObjects: contract.maxReplyObjects,
        maxObjectBytes: contract.maxObjectBytes,
      });
      const refusal = parseRefusal(message.untrustedHeader);
      if (refusal !== undefined) {
        socket.destroy();
        throw new CallError(refusal.code, refusal.say, true);
      }
      return {
        reply: contract.parseReply(message.untrustedHeader, argument),
        objects: message.objects,
        async done() {
          await message.finish();
          await written;
          socket.destroy();
        },
      };
    },
    raw() {
      throw new Error('not used here');
    },
  };
}

/** What a socket service answers to a raw input, as `qvm-run` shows it to a person. */
export function typed(path: string, source: string, service: string, input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    let said = '';
    socket.on('error', reject);
    socket.on('data', (bytes) => {
      said += bytes.toString('utf8');
    });
    socket.on('end', () => {
      socket.destroy();
      resolve(said);
    });
    socket.end(`${service} ${source}\0${input}`);
  });
}
