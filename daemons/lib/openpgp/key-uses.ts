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

/** One part of a key, as gpg sees it. */
export interface KeyPart {
  /** The fingerprint in lower case. */
  readonly keyid: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly use: KeyUse;
  /** Wall time in milliseconds; undefined: never. */
  readonly expires: number | undefined;
}

/**
 * The part by which gpg signs when it is told the whole key: the newest subkey that may, or else the primary key (gnupg,
 * g10/getkey.c, finish_lookup). Its fingerprint in lower case; undefined when none may. `now` is wall time in milliseconds.
 */
export function signingPartOf([primary, ...subkeys]: readonly KeyPart[], now: number): string | undefined {
  const lasts = ({ expires }: KeyPart) => expires === undefined || expires >= now;
  if (primary === undefined || !lasts(primary)) return undefined;
  const newestFirst = subkeys.sort((a, b) => b.created - a.created);
  return [...newestFirst, primary].find((part) => part.use === 'signs' && lasts(part))?.keyid;
}

/**
 * Reads one exported public key (packets, not armour): its primary key first, then each subkey that it has bound.
 *
 * @throws OpenPgpError when it is not one public key
 */
export function readKeyParts(bytes: Buffer): readonly KeyPart[] {
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
export function signingParts(key: LayoutKey, parts: readonly KeyPart[]): readonly LayoutKey[] {
  const signing = new Set(parts.filter(({ use }) => use === 'signs').map(({ keyid }) => keyid));
  return partsOf(key).filter(({ keyid }) => signing.has(keyid));
}

/** Until when gpg signs with a part of a key: as long as its primary key lasts. Wall time in milliseconds, or infinity. */
export function signsUntil(key: LayoutKey, parts: readonly KeyPart[], part: LayoutKey): number {
  return Math.min(endOf(key, parts), endOf(part, parts));
}

/** When a part itself ends, by gpg or by in-toto, which does not always know what gpg knows: likewise. */
export function endOf(part: LayoutKey, parts: readonly KeyPart[]): number {
  const byGpg = parts.find(({ keyid }) => keyid === part.keyid)?.expires;
  return Math.min(...[byGpg, expiryOf(part)].map((end) => end ?? Number.POSITIVE_INFINITY));
}

/** The newest self-signature decides. */
function partOf(packet: Packet, signatures: readonly SignaturePacket[], revoked: boolean): KeyPart {
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
