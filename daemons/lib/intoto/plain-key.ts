import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { JsonObject } from '../domain/metablock.ts';

/** securesystemslib's own keys, which a layout may hold beside those of gpg (securesystemslib keys.py, verify_signature). */

export type PlainKey = Readonly<{ keyid: string; keytype: string; scheme: string; public: string }>;

const keytypes = /^(?:rsa|ed25519|ecdsa|ecdsa-sha2-nistp(?:256|384)|sphincs)$/;
const rsaScheme = /^(rsassa-pss|rsa-pkcs1v15)-(sha(?:224|256|384|512))$/;
const ecdsaHashes: Readonly<Record<string, string>> = {
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
};

/** A key in the shape that in-toto verifies by (formats.py, ANYKEY_SCHEMA); undefined if it is not. */
export function readPlainKey(key: JsonObject): PlainKey | undefined {
  const { keyid, keytype, scheme, keyval } = key;
  const value = (keyval as JsonObject | undefined)?.public;
  if (typeof keyid !== 'string' || typeof value !== 'string') return undefined;
  if (typeof keytype !== 'string' || !keytypes.test(keytype) || typeof scheme !== 'string') return undefined;
  return { keyid, keytype, scheme, public: value };
}

/** Whether the signature is good; undefined for a key or a signature that is not of this scheme, or a scheme not known here. */
export function verifyPlain(key: PlainKey, signature: Buffer, content: Uint8Array): boolean | undefined {
  if (key.keytype === 'ed25519') return verifyEd25519(key, signature, content);
  if (key.keytype === 'rsa') return verifyRsa(key, signature, content);
  if (!key.keytype.startsWith('ecdsa') || !Object.hasOwn(ecdsaHashes, key.scheme)) return undefined;
  const pem = readPem(key.public, 'ec');
  return pem && verify(ecdsaHashes[key.scheme], content, pem, signature);
}

function verifyEd25519(key: PlainKey, signature: Buffer, content: Uint8Array): boolean | undefined {
  if (key.scheme !== 'ed25519' || !/^[0-9a-fA-F]{64}$/.test(key.public) || signature.length !== 64) {
    return undefined;
  }
  const x = Buffer.from(key.public, 'hex').toString('base64url');
  const point = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
  return verify(null, content, point, signature);
}

function verifyRsa(key: PlainKey, signature: Buffer, content: Uint8Array): boolean | undefined {
  const [, padding, hash] = rsaScheme.exec(key.scheme) ?? [];
  const pem = readPem(key.public, 'rsa');
  if (padding === undefined || pem === undefined) return undefined;
  const options =
    padding === 'rsassa-pss'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
      : { padding: constants.RSA_PKCS1_PADDING };
  return verify(hash, content, { key: pem, ...options }, signature);
}

function readPem(pem: string, type: 'rsa' | 'ec'): KeyObject | undefined {
  if (!/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) return undefined;
  const key = createPublicKey(pem);
  return key.asymmetricKeyType === type ? key : undefined;
}
