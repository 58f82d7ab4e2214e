import fc from 'fast-check';
import { packetTags } from '../../daemons/lib/openpgp/packets.ts';

/** OpenPGP packets written by hand (RFC 4880 section 4), so that a reader meets shapes that gpg never writes. */

export function numberBytes(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}

/** A packet with an old header whose length takes 1, 2 or 4 octets. */
export function oldPacket(tag: number, body: Buffer, lengthOctets: 1 | 2 | 4 = 2): Buffer {
  const type = { 1: 0, 2: 1, 4: 2 }[lengthOctets];
  return Buffer.concat([
    Buffer.from([0x80 | (tag << 2) | type]),
    numberBytes(body.length, lengthOctets),
    body,
  ]);
}

/** A packet with a new header whose length takes 1, 2 or 5 octets. */
export function newPacket(tag: number, body: Buffer, lengthOctets: 1 | 2 | 5 = 5): Buffer {
  return Buffer.concat([Buffer.from([0xc0 | tag]), newLength(body.length, lengthOctets), body]);
}

function newLength(length: number, octets: 1 | 2 | 5): Buffer {
  if (octets === 1) return numberBytes(length, 1);
  if (octets === 2) return Buffer.from([192 + ((length - 192) >> 8), (length - 192) & 0xff]);
  return Buffer.concat([Buffer.from([255]), numberBytes(length, 4)]);
}

export interface Subpacket {
  readonly type: number;
  readonly data: Buffer;
}

export function subpacketArea(subpackets: readonly Subpacket[]): Buffer {
  return Buffer.concat(
    subpackets.flatMap(({ type, data }) => [newLength(data.length + 1, 5), Buffer.from([type]), data]),
  );
}

export function mpi(bytes: Buffer): Buffer {
  return Buffer.concat([numberBytes(bytes.length * 8, 2), bytes]);
}

export function bytesOf(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
}

/** The subpackets that a reader looks into, each of a length that may not be its own. */
const subpackets: fc.Arbitrary<Subpacket> = fc.record({
  type: fc.oneof(fc.constantFrom(2, 9, 16, 25, 33), fc.nat(255)),
  data: fc.oneof(
    fc.constantFrom(numberBytes(1_700_000_000, 4), Buffer.alloc(0), Buffer.from([1]), Buffer.alloc(21, 4)),
    bytesOf(25),
  ),
});

/** Bodies of signature packets that are well formed as far as their lengths go. */
export const signatureBodies: fc.Arbitrary<Buffer> = fc
  .record({
    version: fc.constantFrom(4, 4, 4, 3, 5),
    type: fc.constantFrom(0x00, 0x10, 0x13, 0x18, 0x20),
    algorithm: fc.constantFrom(1, 17, 22, 19),
    hash: fc.constantFrom(8, 2, 10, 1),
    hashed: fc.array(subpackets, { maxLength: 4 }),
    unhashed: fc.array(subpackets, { maxLength: 3 }),
    integers: fc.array(bytesOf(40), { maxLength: 3 }),
  })
  .map(({ version, type, algorithm, hash, hashed, unhashed, integers }) => {
    const areas = [hashed, unhashed].map(subpacketArea);
    return Buffer.concat([
      Buffer.from([version, type, algorithm, hash]),
      ...areas.flatMap((area) => [numberBytes(area.length, 2), area]),
      Buffer.from([0, 0]),
      ...integers.map(mpi),
    ]);
  });

/** Bodies of key packets: RSA with integers of any size, Ed25519, and what is neither. */
export const keyBodies: fc.Arbitrary<Buffer> = fc
  .record({
    version: fc.constantFrom(4, 4, 4, 3, 6),
    algorithm: fc.constantFrom(1, 1, 22, 17, 3),
    point: fc.constantFrom(
      Buffer.concat([Buffer.from([0x40]), Buffer.alloc(32, 9)]),
      Buffer.alloc(33),
      Buffer.alloc(1),
    ),
    integers: fc.array(
      fc.oneof(bytesOf(40), fc.constant(Buffer.from([0])), fc.constant(Buffer.alloc(64, 255))),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
  })
  .map(({ version, algorithm, point, integers }) => {
    const oid = Buffer.from('092b06010401da470f01', 'hex');
    const material = algorithm === 22 ? [oid, mpi(point)] : integers.map(mpi);
    return Buffer.concat([Buffer.from([version]), numberBytes(1, 4), Buffer.from([algorithm]), ...material]);
  });

/** A public key as it is exported: the key, then user ids, subkeys and signatures in any order. */
export const exportedKeys: fc.Arbitrary<Buffer> = fc
  .tuple(
    keyBodies,
    fc.array(
      fc.oneof(
        signatureBodies.map((body) => oldPacket(packetTags.signature, body)),
        keyBodies.map((body) => oldPacket(packetTags.publicSubkey, body)),
        bytesOf(10).map((body) => oldPacket(packetTags.userId, body)),
        bytesOf(10).map((body) => newPacket(packetTags.userAttribute, body)),
      ),
      { maxLength: 6 },
    ),
  )
  .map(([key, rest]) => Buffer.concat([oldPacket(packetTags.publicKey, key), ...rest]));
