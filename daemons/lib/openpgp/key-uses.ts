import type { LayoutKey } from '../domain/layout.ts';
import { type Packet, readPackets } from './packets.ts';
import { isGood, keyIdOf, keyIfUsable, readBundle, readIfUsable } from './public-key.ts';
import { type SignaturePacket, signatureTypes } from './signature.ts';

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
  const bundle = readBundle(readPackets(bytes));
  const primary = keyIfUsable(bundle.primary);
  const uses = new Map<string, KeyUse>();
  if (primary === undefined) return uses;
  const key = framed(bundle.primary);
  const certificates = bundle.userIds.flatMap(({ packet, signatures }) => {
    const length = Buffer.alloc(5, 0xb4);
    length.writeUInt32BE(packet.body.length, 1);
    return good(signatures, primary, Buffer.concat([key, length, packet.body]), signatureTypes.certificates);
  });
  const revoked = good(bundle.direct, primary, key, [signatureTypes.keyRevocation]).length > 0;
  uses.set(primary.keyid, revoked ? 'revoked' : useOf(certificates));
  for (const { packet, signatures } of bundle.subkeys) {
    const content = Buffer.concat([key, framed(packet)]);
    const bindings = good(signatures, primary, content, [signatureTypes.subkeyBinding]);
    const isRevoked = good(signatures, primary, content, [signatureTypes.subkeyRevocation]).length > 0;
    if (bindings.length > 0) uses.set(keyIdOf(packet), revoked || isRevoked ? 'revoked' : useOf(bindings));
  }
  return uses;
}

/** The newest self-signature decides; one without flags allows whatever the algorithm can. */
function useOf(signatures: readonly SignaturePacket[]): KeyUse {
  const [newest] = [...signatures].sort((a, b) => b.created - a.created);
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
