import type { GpgSignature } from '../domain/metablock.ts';
import { OpenPgpError } from './error.ts';
import { type Packet, packetTags, Reader, readPackets, readSubpackets } from './packets.ts';

/** Signatures of version 4: RFC 4880 section 5.2.3, and what securesystemslib makes of them (gpg/common.py). */

export const signatureTypes = {
  binary: 0x00,
  certificates: [0x10, 0x11, 0x12, 0x13],
  subkeyBinding: 0x18,
  keyRevocation: 0x20,
  subkeyRevocation: 0x28,
} as const;

/** Public-key algorithms that in-toto's gpg form knows. */
export const algorithms = { rsa: 1, dsa: 17, eddsa: 22 } as const;

/** Hash algorithms by their OpenPGP number, named as node:crypto names them. */
export const hashes: ReadonlyMap<number, 'sha1' | 'sha256' | 'sha512'> = new Map([
  [2, 'sha1'],
  [8, 'sha256'],
  [10, 'sha512'],
]);

const subpackets = {
  created: 2,
  keyExpires: 9,
  issuer: 16,
  primaryUserId: 25,
  keyFlags: 27,
  issuerFingerprint: 33,
} as const;

export interface SignaturePacket {
  readonly type: number;
  readonly algorithm: number;
  readonly hash: 'sha1' | 'sha256' | 'sha512';
  /** Version octet through the end of the hashed subpackets: what the signature covers besides the content. */
  readonly headers: Buffer;
  /** The issuer's fingerprint, or its last 16 digits when that is all the signature says; lower case. */
  readonly issuer: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** Seconds that a key is valid for, on the self-signatures that say so. */
  readonly keyExpires: number | undefined;
  readonly primaryUserId: boolean | undefined;
  /** The first octet of a self-signature's key flags: what the key is for. */
  readonly keyFlags: number | undefined;
  /** RSA: the integer without leading zeros. EdDSA: R and S, 32 bytes each. */
  readonly value: Buffer;
}

/** Reads one signature packet. */
export function readSignature(packet: Packet): SignaturePacket {
  if (packet.tag !== packetTags.signature) throw new OpenPgpError('malformed', 'not a signature');
  const reader = new Reader(packet.body);
  if (reader.uint8() !== 4) throw new OpenPgpError('unsupported', 'a signature that is not of version 4');
  const type = reader.uint8();
  const algorithm = reader.uint8();
  const hash = hashes.get(reader.uint8());
  if (hash === undefined)
    throw new OpenPgpError('unsupported', 'a hash other than SHA-1, SHA-256 and SHA-512');
  const hashed = readSubpackets(reader.take(reader.uint16()));
  const headers = packet.body.subarray(0, reader.position);
  const unhashed = readSubpackets(reader.take(reader.uint16()));
  reader.take(2); // the digest's first octets: a quick check that proves nothing
  // A later subpacket wins, and a hashed one over an unhashed one, as in securesystemslib.
  const said = new Map([...unhashed, ...hashed].map(({ type: kind, data }) => [kind, data]));
  const created = uint32Of(said.get(subpackets.created)) ?? 0;
  if (created === 0) throw new OpenPgpError('malformed', 'a signature without a creation time');
  return {
    type,
    algorithm,
    hash,
    headers,
    issuer: issuerOf(said),
    created,
    keyExpires: uint32Of(said.get(subpackets.keyExpires)),
    primaryUserId: said.has(subpackets.primaryUserId)
      ? said.get(subpackets.primaryUserId)?.[0] !== 0
      : undefined,
    keyFlags: said.get(subpackets.keyFlags)?.[0],
    value: signatureValue(algorithm, reader),
  };
}

/**
 * The signature object that in-toto puts into a document, from what `gpg --detach-sign` wrote (facts: in-toto §3).
 *
 * @throws OpenPgpError for anything but one binary-document signature of version 4 over SHA-256, RSA or EdDSA, that
 * names its issuer in full
 */
export function describeSignature(detached: Buffer): GpgSignature {
  const packets = readPackets(detached);
  const [packet] = packets;
  if (packet === undefined || packets.length !== 1) {
    throw new OpenPgpError('malformed', `expected one signature, found ${packets.length} packets`);
  }
  const signature = readSignature(packet);
  if (signature.type !== signatureTypes.binary) {
    throw new OpenPgpError('unsupported', 'not a signature of a binary document');
  }
  if (signature.hash !== 'sha256') throw new OpenPgpError('unsupported', 'not a signature over SHA-256');
  if (signature.issuer.length !== 40) {
    throw new OpenPgpError('unsupported', 'a signature that does not name its key in full (gpg before 2.1)');
  }
  return {
    keyid: signature.issuer,
    other_headers: signature.headers.toString('hex'),
    signature: signature.value.toString('hex'),
  };
}

function issuerOf(said: ReadonlyMap<number, Buffer>): string {
  const full = said.get(subpackets.issuerFingerprint)?.subarray(1).toString('hex') ?? '';
  const short = said.get(subpackets.issuer)?.toString('hex') ?? '';
  if (full === '' && short === '') throw new OpenPgpError('malformed', 'a signature that names no key');
  if (full !== '' && !full.endsWith(short))
    throw new OpenPgpError('malformed', 'a signature that names two keys');
  return full === '' ? short : full;
}

function uint32Of(data: Buffer | undefined): number | undefined {
  if (data === undefined) return undefined;
  if (data.length !== 4) throw new OpenPgpError('malformed', 'a time of the wrong length');
  return data.readUInt32BE();
}

function signatureValue(algorithm: number, reader: Reader): Buffer {
  if (algorithm === algorithms.rsa) return reader.mpi();
  if (algorithm === algorithms.eddsa) return Buffer.concat([leftPad(reader.mpi()), leftPad(reader.mpi())]);
  throw new OpenPgpError('unsupported', `signature algorithm ${algorithm}: expected RSA or EdDSA`);
}

function leftPad(half: Buffer): Buffer {
  if (half.length > 32) throw new OpenPgpError('malformed', 'an EdDSA signature that is too long');
  return Buffer.concat([Buffer.alloc(32 - half.length), half]);
}
