import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OpenPgpError } from '../../../../daemons/lib/openpgp/error.ts';
import { maxPacketBytes, readPackets, readSubpackets } from '../../../../daemons/lib/openpgp/packets.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import { describeSignature } from '../../../../daemons/lib/openpgp/signature.ts';
import {
  bytesOf,
  exportedKeys,
  newPacket,
  numberBytes,
  oldPacket,
  signatureBodies,
  subpacketArea,
} from '../../../support/openpgp-packets.ts';

/** What a reader says of bytes: what it read, or the code of its own error. */
function outcome<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(OpenPgpError);
    return (error as OpenPgpError).code;
  }
}

describe('packets', () => {
  it('are read back with every form of length that holds them', () => {
    const packet = fc.record({
      tag: fc.integer({ min: 1, max: 15 }),
      body: fc.oneof(bytesOf(30), bytesOf(500)),
    });
    const form = fc.constantFrom('old1', 'old2', 'old4', 'new1', 'new2', 'new5');
    fc.assert(
      fc.property(fc.array(fc.tuple(packet, form), { maxLength: 6 }), (written) => {
        const raw = written.map(([{ tag, body }, how]) => {
          const { length } = body;
          if (how === 'old1' && length < 256) return oldPacket(tag, body, 1);
          if (how === 'old4') return oldPacket(tag, body, 4);
          if (how === 'new1' && length < 192) return newPacket(tag, body, 1);
          if (how === 'new2' && length >= 192) return newPacket(tag, body, 2);
          return how.startsWith('new') ? newPacket(tag, body, 5) : oldPacket(tag, body, 2);
        });
        const read = readPackets(Buffer.concat(raw));
        expect(read.map(({ tag, body }) => ({ tag, body }))).toEqual(written.map(([one]) => one));
        expect(read.map((one) => one.raw)).toEqual(raw);
      }),
    );
  });

  it.each([
    ['a length beyond the bytes', Buffer.from([0x88, 5, 1]), 'malformed'],
    ['a length that is cut off', Buffer.from([0x89, 5]), 'malformed'],
    ['a first octet that begins none', Buffer.from([0x08, 0]), 'malformed'],
    ['an indeterminate length', Buffer.from([0x8b, 1]), 'unsupported'],
    ['a partial length', Buffer.from([0xc2, 224, 1]), 'unsupported'],
    [
      'more bytes than any',
      Buffer.concat([Buffer.from([0x8a]), numberBytes(maxPacketBytes + 1, 4)]),
      'too-large',
    ],
    ['four gigabytes', Buffer.from([0xc2, 255, 255, 255, 255, 255]), 'too-large'],
    ['more packets than any', Buffer.alloc(20_002, Buffer.from([0xb0, 0])), 'too-large'],
  ])('of %s are refused', (_what, bytes, code) => {
    expect(outcome(() => readPackets(bytes))).toBe(code);
  });
});

describe('subpackets', () => {
  it('are read back in their order, critical or not', () => {
    const subpacket = fc.record({ type: fc.nat(127), data: fc.oneof(bytesOf(10), bytesOf(300)) });
    fc.assert(
      fc.property(fc.array(subpacket, { maxLength: 5 }), fc.boolean(), (written, critical) => {
        const area = subpacketArea(
          written.map(({ type, data }) => ({ type: critical ? type | 0x80 : type, data })),
        );
        expect(readSubpackets(area)).toEqual(written);
      }),
    );
  });

  it('of no length, or a length beyond their area, are refused', () => {
    for (const area of [[0], [2, 1], [255, 0, 0, 1], [192], [255, 255, 255, 255, 255, 1]]) {
      expect(outcome(() => readSubpackets(Buffer.from(area)))).toBe('malformed');
    }
  });
});

describe('a signature packet whose subpackets are of any kind and length', () => {
  it('is described, or refused by an error of its own', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(signatureBodies, (body) => {
        const found = outcome(() => describeSignature(oldPacket(2, body, 4)));
        seen.add(typeof found === 'string' ? found : 'read');
      }),
      { numRuns: 400 },
    );
    expect([...seen]).toEqual(expect.arrayContaining(['malformed', 'unsupported']));
  });

  it('is refused if its creation time has not four octets', () => {
    const issuer = { type: 33, data: Buffer.alloc(21, 4) };
    for (const length of [0, 1, 3, 5]) {
      const area = subpacketArea([{ type: 2, data: Buffer.alloc(length, 1) }, issuer]);
      const body = [
        Buffer.from([4, 0, 1, 8]),
        numberBytes(area.length, 2),
        area,
        Buffer.alloc(4),
        Buffer.from([0, 8, 1]),
      ];
      expect(outcome(() => describeSignature(oldPacket(2, Buffer.concat(body))))).toBe('malformed');
    }
  });
});

describe('a public key made of any packets', () => {
  it('is read, or refused by an error of its own', () => {
    let read = 0;
    fc.assert(
      fc.property(exportedKeys, (bytes) => {
        const found = outcome(() => readPublicKey(bytes));
        if (typeof found === 'string') return;
        expect(found.keyid).toMatch(/^[0-9a-f]{40}$/);
        read += 1;
      }),
      { numRuns: 400 },
    );
    expect(read).toBeGreaterThan(0);
  });
});
