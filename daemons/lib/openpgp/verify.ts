import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { LayoutKey } from '../domain/layout.ts';
import type { GpgSignature } from '../domain/metablock.ts';

/**
 * The check that in-toto makes of a gpg signature (securesystemslib gpg/functions.py): over SHA-256, against a key as a
 * layout holds it. gpgv decides about archives; about our own documents it has to be the verifier's own rule.
 */

export const signatureStates = ['good', 'bad', 'other-key', 'expired'] as const;
export type SignatureState = (typeof signatureStates)[number];

/** Judges a signature by `key` or the subkey of it that the signature names; `now` is wall time in milliseconds. */
export function checkSignature(
  signature: GpgSignature,
  key: LayoutKey,
  content: Uint8Array,
  now: number,
): SignatureState {
  const signer = [key, ...Object.values(key.subkeys ?? {})].find((one) => one.keyid === signature.keyid);
  if (signer === undefined) return 'other-key';
  if (isExpired(signer, now)) return 'expired';
  const headers = Buffer.from(signature.other_headers, 'hex');
  const value = Buffer.from(even(signature.signature), 'hex');
  return verifyRaw(signer, 'sha256', content, headers, value) ? 'good' : 'bad';
}

/** When a key's validity, as it stands in the layout, is over: milliseconds since 1970, undefined if never. */
export function expiryOf(key: LayoutKey): number | undefined {
  // Zero of either is no limit there (gpg/functions.py, verify_signature).
  if (!key.creation_time || !key.validity_period) return undefined;
  return (key.creation_time + key.validity_period) * 1_000;
}

/** Whether that moment has passed. */
export function isExpired(key: LayoutKey, now: number): boolean {
  const expiry = expiryOf(key);
  return expiry !== undefined && expiry < now;
}

/** Securesystemslib and today's advice agree on no less (facts: in-toto §4). */
const minModulusDigits = 2_048 / 4;

/** Whether a key is RSA of less than 2048 bits, which nobody should believe today. */
export function isWeak(key: LayoutKey): boolean {
  return key.type === 'rsa' && (key.keyval.public.n ?? '').length < minModulusDigits;
}

/** Verifies over `content`, `headers` and the trailer of RFC 4880 section 5.2.4. */
export function verifyRaw(
  key: LayoutKey,
  hash: 'sha1' | 'sha256' | 'sha512',
  content: Uint8Array,
  headers: Buffer,
  value: Buffer,
): boolean {
  const trailer = Buffer.alloc(6);
  trailer.writeUInt16BE(0x04ff);
  trailer.writeUInt32BE(headers.length, 2);
  const signed = [content, headers, trailer];
  if (key.type === 'eddsa') {
    // The digest itself is the message: RFC 9580 section 5.2.3.3 and its drafts.
    const digest = signed.reduce((sum, part) => sum.update(part), createHash(hash)).digest();
    return value.length === 64 && verify(null, digest, ed25519Key(key), value);
  }
  if (key.type === 'dsa') return verify(hash, Buffer.concat(signed), dsaKey(key), value);
  const modulusBytes = (key.keyval.public.n ?? '').length / 2;
  if (value.length > modulusBytes) return false;
  const padded = Buffer.concat([Buffer.alloc(modulusBytes - value.length), value]);
  return verify(hash, Buffer.concat(signed), rsaKey(key), padded);
}

function rsaKey(key: LayoutKey): KeyObject {
  const { e = '', n = '' } = key.keyval.public;
  return createPublicKey({ format: 'jwk', key: { kty: 'RSA', e: base64url(e), n: base64url(n) } });
}

function ed25519Key(key: LayoutKey): KeyObject {
  return createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: base64url(key.keyval.public.q ?? '') },
  });
}

/** SubjectPublicKeyInfo of RFC 3279 section 2.3.2: there is no JWK of a DSA key. */
function dsaKey(key: LayoutKey): KeyObject {
  const [p, q, g, y] = ['p', 'q', 'g', 'y'].map((name) => derInteger(key.keyval.public[name] ?? ''));
  const parameters = der(0x30, p, q, g);
  const algorithm = der(0x30, Buffer.from('06072a8648ce380401', 'hex'), parameters);
  const info = der(0x30, algorithm, der(0x03, Buffer.alloc(1), y));
  return createPublicKey({ format: 'der', type: 'spki', key: info });
}

function derInteger(hex: string): Buffer {
  const digits = even(hex).replace(/^(?:00)+(?=..)/, '');
  // A first bit of 1 would make it negative.
  return der(0x02, Buffer.from(/^[89a-f]/i.test(digits) ? `00${digits}` : digits, 'hex'));
}

function der(tag: number, ...parts: readonly (Buffer | undefined)[]): Buffer {
  const content = Buffer.concat(parts.filter((part) => part !== undefined));
  const length = even(content.length.toString(16));
  const octets = length.length / 2;
  const header = content.length < 0x80 ? length : `${(0x80 | octets).toString(16)}${length}`;
  return Buffer.concat([Buffer.of(tag), Buffer.from(header, 'hex'), content]);
}

function base64url(hex: string): string {
  return Buffer.from(even(hex), 'hex').toString('base64url');
}

function even(hex: string): string {
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}
