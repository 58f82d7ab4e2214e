import { OpenPgpError } from './error.ts';

/**
 * OpenPGP packets, RFC 4880 section 4, in the few forms that keys and signatures of version 4 need. Raw bytes are kept:
 * securesystemslib hashes them as they came, and the keys of a layout have to come out as it writes them.
 */

export const packetTags = {
  signature: 2,
  publicKey: 6,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
} as const;

export interface Packet {
  readonly tag: number;
  /** Header and body, as they came. */
  readonly raw: Buffer;
  readonly body: Buffer;
}

export const maxPackets = 10_000;
export const maxPacketBytes = 1_048_576;

/** Splits a key or a signature into packets; partial and indeterminate lengths are refused. */
export function readPackets(bytes: Buffer): readonly Packet[] {
  const packets: Packet[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (packets.length >= maxPackets) throw new OpenPgpError('too-large', `more than ${maxPackets} packets`);
    const packet = readPacket(bytes.subarray(at));
    packets.push(packet);
    at += packet.raw.length;
  }
  return packets;
}

function readPacket(bytes: Buffer): Packet {
  const first = byteAt(bytes, 0);
  if ((first & 0x80) === 0) throw new OpenPgpError('malformed', 'not an OpenPGP packet');
  const { tag, header, length } = (first & 0x40) === 0 ? oldHeader(bytes, first) : newHeader(bytes, first);
  if (length > maxPacketBytes) throw new OpenPgpError('too-large', `a packet of ${length} bytes`);
  const raw = slice(bytes, 0, header + length);
  return { tag, raw, body: raw.subarray(header) };
}

function oldHeader(bytes: Buffer, first: number) {
  const tag = (first & 0x3c) >> 2;
  switch (first & 3) {
    case 0:
      return { tag, header: 2, length: byteAt(bytes, 1) };
    case 1:
      return { tag, header: 3, length: slice(bytes, 1, 3).readUInt16BE() };
    case 2:
      return { tag, header: 5, length: slice(bytes, 1, 5).readUInt32BE() };
    default:
      throw new OpenPgpError('unsupported', 'a packet of indeterminate length');
  }
}

function newHeader(bytes: Buffer, first: number) {
  const tag = first & 0x3f;
  const octet = byteAt(bytes, 1);
  if (octet < 192) return { tag, header: 2, length: octet };
  if (octet < 224) return { tag, header: 3, length: ((octet - 192) << 8) + byteAt(bytes, 2) + 192 };
  if (octet === 255) return { tag, header: 6, length: slice(bytes, 2, 6).readUInt32BE() };
  throw new OpenPgpError('unsupported', 'a packet of partial length');
}

/** The subpackets of one area of a signature, in order: RFC 4880 section 5.2.3.1. */
export function readSubpackets(area: Buffer): readonly Readonly<{ type: number; data: Buffer }>[] {
  const found: { type: number; data: Buffer }[] = [];
  let at = 0;
  while (at < area.length) {
    const { header, length } = subpacketHeader(area.subarray(at));
    if (length < 1) throw new OpenPgpError('malformed', 'an empty subpacket');
    const body = slice(area, at + header, at + header + length);
    found.push({ type: byteAt(body, 0) & 0x7f, data: body.subarray(1) });
    at += header + length;
  }
  return found;
}

function subpacketHeader(area: Buffer) {
  const octet = byteAt(area, 0);
  if (octet < 192) return { header: 1, length: octet };
  if (octet < 255) return { header: 2, length: ((octet - 192) << 8) + byteAt(area, 1) + 192 };
  return { header: 5, length: slice(area, 1, 5).readUInt32BE() };
}

/** Reads a packet's body from front to back; what is missing is `malformed`. */
export class Reader {
  #at = 0;
  readonly #bytes: Buffer;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get position(): number {
    return this.#at;
  }
  take(length: number): Buffer {
    const taken = slice(this.#bytes, this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }
  uint8(): number {
    return this.take(1).readUInt8();
  }
  uint16(): number {
    return this.take(2).readUInt16BE();
  }
  uint32(): number {
    return this.take(4).readUInt32BE();
  }
  /** A multiprecision integer without its length: RFC 4880 section 3.2. */
  mpi(): Buffer {
    const bits = this.uint16();
    if (bits === 0) throw new OpenPgpError('malformed', 'an empty integer');
    return this.take(Math.floor((bits + 7) / 8));
  }
}

function byteAt(bytes: Buffer, index: number): number {
  const byte = bytes[index];
  if (byte === undefined) throw new OpenPgpError('malformed', 'cut short');
  return byte;
}

function slice(bytes: Buffer, from: number, to: number): Buffer {
  if (to > bytes.length) throw new OpenPgpError('malformed', 'cut short');
  return bytes.subarray(from, to);
}
