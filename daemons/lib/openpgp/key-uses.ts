import type { LayoutKey } from '../domain/layout.ts';
import { partsOf } from '../domain/layout-key.ts';
import { type Packet, readPackets } from './packets.ts';
import { isGood, keyIdOf, keyIfUsable, readBundle, readIfUsable } from './public-key.ts';
import { type SignaturePacket, signatureTypes } from './signature.ts';
import { expiryOf } from './verify.ts';

/**
 * What the parts of a key are for, as gpg decides it: RFC 4880 sections 5.2.3.21 (key flags) and 5.2.1 (revocations). A
 * layout does not say: securesystemslib leaves both out of what it exports.
 */
export type KeyUse = 'signs' | 'cannot-sign' | 'revoked';

/** The flag of a key that may sign data. */
const signing = 0x02;

/**
 * Reads one exported public key (packets, not armour): the use of its primary key and of each subkey, by fingerprint in
 * lower case.
 *
 * @throws OpenPgpError when it is not one public key
 */
export function readKeyUses(bytes: Buffer): ReadonlyMap<string, KeyUse> {
  return new Map(readParts(bytes).map(({ keyid, use }) => [keyid, use]));
}

/**
 * The part by which gpg signs when it is told the whole key: the newest subkey that may, or else the primary key (gnupg,
 * g10/getkey.c, finish_lookup). Its fingerprint in lower case; undefined when none may. `now` is wall time in milliseconds.
 *
 * @throws OpenPgpError when it is not one public key
 */
export function signingPartOf(bytes: Buffer, now: number): string | undefined {
  const [primary, ...subkeys] = readParts(bytes);
  const newestFirst = subkeys.sort((a, b) => b.created - a.created);
  return [...newestFirst, primary].find(
    (part) => part?.use === 'signs' && (part.expires === undefined || part.expires >= now),
  )?.keyid;
}

interface Part {
  readonly keyid: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly use: KeyUse;
  /** Milliseconds since 1970; undefined: never. */
  readonly expires: number | undefined;
}

/** The primary key, and each subkey that it has bound. */
function readParts(bytes: Buffer): readonly Part[] {
  const bundle = readBundle(readPackets(bytes));
  const primary = keyIfUsable(bundle.primary);
  if (primary === undefined) return [];
  const key = framed(bundle.primary);
  const certificates = bundle.userIds.flatMap(({ packet, signatures }) => {
    const length = Buffer.alloc(5, 0xb4);
    length.writeUInt32BE(packet.body.length, 1);
    return good(signatures, primary, Buffer.concat([key, length, packet.body]), signatureTypes.certificates);
  });
  const revoked = good(bundle.direct, primary, key, [signatureTypes.keyRevocation]).length > 0;
  const subkeys = bundle.subkeys.flatMap(({ packet, signatures }) => {
    const content = Buffer.concat([key, framed(packet)]);
    const bindings = good(signatures, primary, content, [signatureTypes.subkeyBinding]);
    const isRevoked = good(signatures, primary, content, [signatureTypes.subkeyRevocation]).length > 0;
    return bindings.length === 0 ? [] : [partOf(packet, bindings, revoked || isRevoked)];
  });
  return [partOf(bundle.primary, certificates, revoked), ...subkeys];
}

/** The parts of a key that may sign and that in-toto knows: whatever signs for it can be verified. */
export function signingParts(key: LayoutKey, uses: ReadonlyMap<string, KeyUse>): readonly LayoutKey[] {
  return partsOf(key).filter((part) => uses.get(part.keyid) === 'signs');
}

/**
 * Until when one of these parts of a key can sign: wall time in milliseconds, undefined if there is no end. gpg lets no
 * subkey outlive its primary key.
 */
export function signsUntil(key: LayoutKey, parts: readonly [LayoutKey, ...LayoutKey[]]): number | undefined {
  const endOf = (part: LayoutKey) => expiryOf(part) ?? Number.POSITIVE_INFINITY;
  const last = Math.min(endOf(key), Math.max(...parts.map(endOf)));
  return Number.isFinite(last) ? last : undefined;
}

/** The newest self-signature decides. */
function partOf(packet: Packet, signatures: readonly SignaturePacket[], revoked: boolean): Part {
  const [newest] = [...signatures].sort((a, b) => b.created - a.created);
  const created = packet.body.length < 5 ? 0 : packet.body.readUInt32BE(1);
  return {
    keyid: keyIdOf(packet),
    created,
    use: revoked ? 'revoked' : useOf(newest),
    expires: newest?.keyExpires ? (created + newest.keyExpires) * 1_000 : undefined,
  };
}

/** A self-signature without flags allows whatever the algorithm can. */
function useOf(newest: SignaturePacket | undefined): KeyUse {
  return ((newest?.keyFlags ?? signing) & signing) === 0 ? 'cannot-sign' : 'signs';
}

function good(
  packets: readonly Packet[],
  primary: LayoutKey,
  content: Buffer,
  types: readonly number[],
): readonly SignaturePacket[] {
  return packets
    .map((packet) => readIfUsable(packet, types))
    .filter((signature) => signature !== undefined)
    .filter((signature) => primary.keyid.endsWith(signature.issuer) && isGood(signature, primary, content));
}

/** A key as signatures over it cover it: RFC 4880 section 5.2.4. */
function framed(packet: Packet): Buffer {
  const header = Buffer.alloc(3, 0x99);
  header.writeUInt16BE(packet.body.length, 1);
  return Buffer.concat([header, packet.body]);
}
