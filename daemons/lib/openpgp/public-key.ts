import { createHash } from 'node:crypto';
import type { LayoutKey } from '../domain/layout.ts';
import { OpenPgpError } from './error.ts';
import { type Packet, packetTags, Reader, readPackets } from './packets.ts';
import { algorithms, readSignature, type SignaturePacket, signatureTypes } from './signature.ts';
import { verifyRaw } from './verify.ts';

/**
 * Public keys in the form of securesystemslib's `export_pubkeys`, decided by its rules (gpg/common.py), its traps
 * included: what it leaves out of a layout is of no use in ours (facts: in-toto §4).
 */

const ed25519Oid = '2b06010401da470f01';

export interface Bundle {
  readonly primary: Packet;
  /** Signatures over the primary key itself, such as its revocation. */
  readonly direct: readonly Packet[];
  readonly userIds: readonly Signed[];
  readonly subkeys: readonly Signed[];
}
interface Signed {
  readonly packet: Packet;
  readonly signatures: Packet[];
}

/**
 * Reads one exported public key (packets, not armour) with the subkeys that it binds and its validity.
 *
 * @throws OpenPgpError when it is not one key of version 4, or the key is neither RSA nor Ed25519
 */
export function readPublicKey(bytes: Buffer): LayoutKey {
  const bundle = readBundle(readPackets(bytes));
  const primary = readKeyPacket(bundle.primary);
  const validity = validityOf(bundle, primary);
  const subkeys = Object.fromEntries(
    bundle.subkeys
      .flatMap((subkey) => boundSubkey(subkey, bundle.primary, primary))
      .map((key) => [key.keyid, key]),
  );
  return {
    ...primary,
    ...(validity === undefined ? {} : { validity_period: validity }),
    ...(Object.keys(subkeys).length === 0 ? {} : { subkeys }),
  };
}

/**
 * Packets in the order of RFC 4880 section 12.1; a signature belongs to the packet before it.
 *
 * @throws OpenPgpError `malformed` when they are not one public key
 */
export function readBundle(packets: readonly Packet[]): Bundle {
  const [primary, ...rest] = packets;
  if (primary?.tag !== packetTags.publicKey) throw new OpenPgpError('malformed', 'not a public key');
  const direct: Packet[] = [];
  const userIds: Signed[] = [];
  const userAttributes: Signed[] = [];
  const subkeys: Signed[] = [];
  for (const packet of rest) {
    if (packet.tag === packetTags.publicKey) throw new OpenPgpError('malformed', 'more than one public key');
    if (packet.tag === packetTags.userId) userIds.push({ packet, signatures: [] });
    else if (packet.tag === packetTags.userAttribute) userAttributes.push({ packet, signatures: [] });
    else if (packet.tag === packetTags.publicSubkey) subkeys.push({ packet, signatures: [] });
    else if (packet.tag === packetTags.signature) {
      ((subkeys.at(-1) ?? userAttributes.at(-1) ?? userIds.at(-1))?.signatures ?? direct).push(packet);
    }
  }
  return { primary, direct, userIds, subkeys };
}

function readKeyPacket(packet: Packet): LayoutKey {
  const reader = new Reader(packet.body);
  if (reader.uint8() !== 4) throw new OpenPgpError('unsupported', 'a key that is not of version 4');
  const created = reader.uint32();
  const algorithm = reader.uint8();
  const shape = { hashes: ['pgp+SHA2'], keyid: keyIdOf(packet), creation_time: created } as const;
  if (algorithm === algorithms.rsa) {
    const n = reader.mpi().toString('hex');
    const e = reader.mpi().toString('hex');
    return { ...shape, type: 'rsa', method: 'pgp+rsa-pkcsv1.5', keyval: { private: '', public: { e, n } } };
  }
  if (algorithm === algorithms.eddsa) {
    const q = readEd25519Point(reader);
    return { ...shape, type: 'eddsa', method: 'pgp+eddsa-ed25519', keyval: { private: '', public: { q } } };
  }
  if (algorithm === algorithms.dsa)
    throw new OpenPgpError('unsupported', 'DSA keys are not supported: use RSA');
  throw new OpenPgpError('unsupported', `key algorithm ${algorithm}: in-toto knows RSA and Ed25519 alone`);
}

function readEd25519Point(reader: Reader): string {
  const oid = reader.take(reader.uint8()).toString('hex');
  const point = reader.mpi();
  if (oid !== ed25519Oid || point.length !== 33 || point[0] !== 0x40) {
    throw new OpenPgpError('unsupported', 'an EdDSA key that is not Ed25519');
  }
  return point.subarray(1).toString('hex');
}

/** The version 4 fingerprint: RFC 4880 section 12.2. */
export function keyIdOf(packet: Packet): string {
  const header = Buffer.alloc(3);
  header.writeUInt8(0x99);
  header.writeUInt16BE(packet.body.length, 1);
  return createHash('sha1').update(header).update(packet.body).digest('hex');
}

/** From the newest self-certificate that has one, those of a primary user id first (`_assign_certified_key_info`). */
function validityOf(bundle: Bundle, primary: LayoutKey): number | undefined {
  let chosen: { validity: number; created: number; ofPrimary: boolean | undefined } | undefined;
  for (const userId of bundle.userIds) {
    const content = Buffer.concat([
      bundle.primary.raw,
      Buffer.from([0xb4, 0, 0, 0]),
      userId.packet.raw.subarray(1),
    ]);
    for (const packet of userId.signatures) {
      const signature = readIfUsable(packet, signatureTypes.certificates);
      if (signature === undefined || !primary.keyid.endsWith(signature.issuer)) continue;
      if (!isGood(signature, primary, content) || signature.keyExpires === undefined) continue;
      if (chosen?.ofPrimary && !signature.primaryUserId) continue;
      if (chosen === undefined || chosen.created < signature.created) {
        chosen = {
          validity: signature.keyExpires,
          created: signature.created,
          ofPrimary: signature.primaryUserId,
        };
      }
    }
  }
  return chosen?.validity;
}

/** A subkey counts with exactly one binding signature, and a good one (`_get_verified_subkeys`). */
function boundSubkey(subkey: Signed, primaryPacket: Packet, primary: LayoutKey): readonly LayoutKey[] {
  const key = keyIfUsable(subkey.packet);
  const bindings = subkey.signatures
    .map((packet) => readIfUsable(packet, [signatureTypes.subkeyBinding]))
    .filter((signature) => signature !== undefined);
  const [binding] = bindings;
  if (key === undefined || binding === undefined || bindings.length !== 1) return [];
  // The raw packet, its own length octets included: short subkeys (Ed25519) never verify, nor do they there.
  const content = Buffer.concat([primaryPacket.raw, Buffer.from([0x99]), subkey.packet.raw.subarray(1)]);
  if (!isGood(binding, primary, content)) return [];
  return [binding.keyExpires === undefined ? key : { ...key, validity_period: binding.keyExpires }];
}

export function keyIfUsable(packet: Packet): LayoutKey | undefined {
  return ifUsable(() => readKeyPacket(packet));
}

export function readIfUsable(packet: Packet, types: readonly number[]): SignaturePacket | undefined {
  const signature = ifUsable(() => readSignature(packet));
  return signature !== undefined && types.includes(signature.type) ? signature : undefined;
}

function ifUsable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof OpenPgpError) return undefined;
    throw error;
  }
}

export function isGood(signature: SignaturePacket, key: LayoutKey, content: Buffer): boolean {
  const suits = key.type === 'rsa' ? algorithms.rsa : algorithms.eddsa;
  return (
    signature.algorithm === suits &&
    verifyRaw(key, signature.hash, content, signature.headers, signature.value)
  );
}
