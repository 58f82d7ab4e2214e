import { PassThrough } from 'node:stream';
import type { Contract } from '../../daemons/lib/contracts/contract.ts';
import { systemClock } from '../../daemons/lib/daemon/clock.ts';
import { CallError, type Caller } from '../../daemons/lib/wire/call.ts';
import { bufferObject, readMessage, writeMessage } from '../../daemons/lib/wire/frame.ts';

export interface FakeReply {
  readonly reply?: object;
  readonly objects?: readonly (Uint8Array | string)[];
}

export interface FakeCall {
  /** As its contract parsed it. */
  readonly request: unknown;
  readonly objects: readonly Buffer[];
}

/** By `SERVICE+ARGUMENT`. What one throws is what the call throws. */
export type FakeServices = Readonly<Record<string, (call: FakeCall) => FakeReply | Promise<FakeReply>>>;

/**
 * Calls that never leave the process: the request passes its contract's parser, the reply passes real frames and the
 * contract's parser. A service that is not listed is refused, as dom0 would.
 */
export function fakeCaller(services: FakeServices): Caller {
  return {
    async call<A extends string, Q, R>(
      contract: Contract<A, Q, R>,
      argument: A,
      request: object,
      options: Parameters<Caller['call']>[3] = {},
    ) {
      options.signal?.throwIfAborted();
      const service = argument === '' ? contract.service : `${contract.service}+${argument}`;
      const serve = services[service];
      if (serve === undefined) throw new CallError('refused', `${service}: request refused`, false);
      const sent = (options.objects ?? []).length;
      const header = { v: 1, ...request, ...(sent === 0 ? {} : { objects: sent }) };
      const objects: Buffer[] = [];
      for (const object of options.objects ?? []) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of object.bytes()) chunks.push(chunk);
        objects.push(Buffer.concat(chunks));
      }
      const answer = await serve({ request: contract.parseRequest(header, argument), objects });
      const stream = new PassThrough();
      const written = writeMessage(
        stream,
        { v: 1, ok: true, ...answer.reply },
        (answer.objects ?? []).map((object) => bufferObject(Buffer.from(object))),
        { clock: systemClock },
      ).then(() => stream.end());
      written.catch((error: Error) => stream.destroy(error));
      const message = await readMessage(stream, {
        clock: systemClock,
        maxObjects: contract.maxReplyObjects,
        maxObjectBytes: contract.maxObjectBytes,
      });
      options.signal?.addEventListener('abort', () => stream.destroy(), { once: true });
      return {
        reply: contract.parseReply(message.untrustedHeader, argument),
        objects: message.objects,
        done: () => message.finish(),
      };
    },
    raw(service) {
      throw new CallError('refused', `${service}: request refused`, false);
    },
  };
}
