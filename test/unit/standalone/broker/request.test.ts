import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { readRequest, requestTimeoutMs } from '../../../../daemons/standalone/broker/request.ts';
import {
  MessageError,
  messageHeader,
  messageKinds,
} from '../../../../daemons/standalone/protocol/messages.ts';

let folder: string;
let server: Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'request-'));
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(join(folder, 'socket'));
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** Both ends of a connection, the broker's first. */
async function connection(): Promise<readonly [broker: Socket, caller: Socket]> {
  const accepted = once(server, 'connection');
  const caller = connect(join(folder, 'socket'));
  const [broker] = (await accepted) as [Socket];
  for (const socket of [broker, caller]) socket.on('error', () => {});
  return [broker, caller];
}

function requestFor(target: string, service: string): Buffer {
  const fixed = Buffer.alloc(160);
  fixed.write(target, 64);
  const body = Buffer.concat([fixed, Buffer.from(`${service}\0`)]);
  return Buffer.concat([messageHeader(messageKinds.triggerService4, body.length), body]);
}

async function refusal(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MessageError);
  return (error as MessageError).message;
}

describe('the request of a connection', () => {
  it('is read however it is cut, and what came with it stays for the call', async () => {
    const cuts = fc.array(fc.nat(400), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.stringMatching(/^[a-z.+]{1,30}$/),
        cuts,
        fc.uint8Array({ maxLength: 50 }),
        async (service, at, rest) => {
          const whole = Buffer.concat([requestFor('vault', service), rest]);
          const [broker, caller] = await connection();
          const reading = readRequest(broker, new VirtualClock());
          const places = [0, ...at.map((place) => Math.min(place, whole.length)), whole.length].sort(
            (a, b) => a - b,
          );
          for (const [index, place] of places.entries()) {
            caller.write(whole.subarray(places[index - 1] ?? 0, place));
            await new Promise((resolve) => setImmediate(resolve));
          }
          caller.end();
          const trigger = await reading;
          expect(trigger.target.toString()).toBe('vault');
          expect(trigger.service.toString()).toBe(service);
          expect(Buffer.concat(await broker.toArray()).equals(Buffer.from(rest))).toBe(true);
          broker.destroy();
        },
      ),
      { numRuns: 25 },
    );
  });

  it('that is none is refused at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 8, maxLength: 60 }), async (bytes) => {
        const [broker, caller] = await connection();
        caller.end(bytes);
        await refusal(readRequest(broker, new VirtualClock()));
        broker.destroy();
      }),
      { numRuns: 25 },
    );
  });

  it('is not waited for once the caller has gone, in the middle of it or before', async () => {
    for (const said of [0, 20, 170]) {
      const [broker, caller] = await connection();
      const reading = readRequest(broker, new VirtualClock());
      caller.end(requestFor('vault', 'test.Service').subarray(0, said));
      expect(await refusal(reading)).toBe('the caller went away');
      broker.destroy();
    }
  });

  it('is not waited for longer than a caller needs to say it', async () => {
    const clock = new VirtualClock();
    const [broker, caller] = await connection();
    const reading = refusal(readRequest(broker, clock));
    caller.write(requestFor('vault', 'test.Service').subarray(0, 20));
    await clock.advance(requestTimeoutMs - 1);
    expect(clock.sleeping).toBe(1);
    await clock.advance(1);
    expect(await reading).toBe('no request came');
    broker.destroy();
    caller.destroy();
  });

  it('leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const [broker, caller] = await connection();
    caller.write(requestFor('vault', 'test.Service'));
    await readRequest(broker, clock);
    expect(clock.sleeping).toBe(0);
    broker.destroy();
    caller.destroy();
  });
});
