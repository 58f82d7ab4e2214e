import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseQubeName } from '../../../../daemons/lib/domain/names.ts';
import { relayedCall } from '../../../../daemons/vault/relay/relayed-call.ts';

describe('a relayed call', () => {
  const path = join(tmpdir(), `relayed-${process.pid}.sock`);
  const server = createServer({ allowHalfOpen: true });
  beforeAll(async () => {
    server.listen(path);
    await once(server, 'listening');
  });
  afterAll(() => server.close());

  async function pair(): Promise<Readonly<{ relay: Socket; daemon: Socket }>> {
    const accepted = once(server, 'connection');
    const relay = connect({ path, allowHalfOpen: true });
    const [daemon] = (await accepted) as [Socket];
    for (const socket of [relay, daemon]) socket.on('error', () => {});
    return { relay, daemon };
  }

  const piece = (bytes: Uint8Array) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(bytes.length);
    return Buffer.concat([head, bytes]);
  };

  async function heard(bytes: Uint8Array, cuts: readonly number[]): Promise<readonly Buffer[]> {
    const { relay, daemon } = await pair();
    const call = relayedCall(daemon, parseQubeName('work'));
    let at = 0;
    for (const cut of [...cuts].sort((a, b) => a - b)) {
      relay.write(bytes.subarray(at, Math.min(cut, bytes.length)));
      await new Promise((resolve) => setImmediate(resolve));
      at = Math.max(at, Math.min(cut, bytes.length));
    }
    relay.end(bytes.subarray(at));
    const pieces: Buffer[] = [];
    try {
      for await (const one of call.input) pieces.push(Buffer.from(one));
      return pieces;
    } finally {
      relay.destroy();
      daemon.destroy();
    }
  }

  it('has each piece as it was read, however the bytes are cut on their way', async () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 6 });
    const cuts = fc.array(fc.nat(400), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(pieces, cuts, async (sent, at) => {
        const bytes = Buffer.concat([...sent.map(piece), piece(Buffer.alloc(0)), Buffer.from('more')]);
        expect(await heard(bytes, at)).toEqual(sent.map((one) => Buffer.from(one)));
      }),
      { numRuns: 60 },
    );
  });

  it('ends with its relay, in the middle of a piece or not', async () => {
    expect(await heard(piece(Buffer.from('whole')), [])).toEqual([Buffer.from('whole')]);
    expect(await heard(piece(Buffer.from('not whole')).subarray(0, 9), [])).toEqual([]);
  });

  it('refuses a piece longer than what a relay reads', async () => {
    await expect(heard(Buffer.from('00010001', 'hex'), [])).rejects.toMatchObject({ name: 'RelayError' });
  });

  it('ends after all that was said', async () => {
    const { relay, daemon } = await pair();
    const bytes = buffer(relay);
    const call = relayedCall(daemon, parseQubeName('work'));
    call.stdout.write(Buffer.from('out'));
    call.say('words');
    await call.exit(3);
    expect((await bytes).toString('latin1')).toBe(
      '\x01\0\0\0\x03out\x02\0\0\0\x05words\0\0\0\0\x04\0\0\0\x03',
    );
    relay.destroy();
  });
});
