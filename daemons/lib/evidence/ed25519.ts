import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { canonicalJson } from '../domain/canonical-json.ts';

/** The public halves of the vault's Ed25519 keys, in the forms that verifiers take (facts: rebuilderd-api §5). */

/** A public key: its 32 bytes in hexadecimal. */
export type Ed25519Public = string;

/** SubjectPublicKeyInfo up to the key: RFC 8410, without parameters, as OpenSSL and Node want it. */
const spkiStart = '302a300506032b6570032100';
/** As in-toto-rs writes and requires it: with a NULL parameter. OpenSSL and Node refuse this one. */
const rebuilderdSpkiStart = '302c300706032b65700500032100';

/** The name of a key in rebuilderd's attestations, and in our envelopes. */
export function ed25519KeyId(key: Ed25519Public): string {
  const named = {
    keyid_hash_algorithms: ['sha256', 'sha512'],
    keytype: 'ed25519',
    keyval: { public: key },
    scheme: 'ed25519',
  };
  return createHash('sha256').update(canonicalJson(named)).digest('hex');
}

/** PEM that OpenSSL, Node and Python read: 44 bytes of DER. */
export function ed25519Pem(key: Ed25519Public): string {
  return pem(spkiStart + key, '\n');
}

/** The key of a PEM text as `ed25519Pem` makes it; undefined if it is none. */
export function readEd25519Pem(untrusted: string): Ed25519Public | undefined {
  try {
    return ed25519PublicOf(createPublicKey(untrusted).export({ type: 'spki', format: 'der' }));
  } catch {
    return undefined;
  }
}

/** Tells whether a signature, 128 hexadecimal digits, is by this key over these bytes (RFC 8032). */
export function signatureCheck(key: Ed25519Public): (bytes: Uint8Array, signature: string) => boolean {
  const opened = keyObject(key);
  return (bytes, signature) => verify(null, bytes, opened, Buffer.from(signature, 'hex'));
}

/** PEM for rebuilderd's clients (`public-keys`): 46 bytes of DER, line ends as Rust's pem crate writes them. */
export function rebuilderdPem(key: Ed25519Public): string {
  return pem(rebuilderdSpkiStart + key, '\r\n');
}

/** The key of a SubjectPublicKeyInfo as Node exports it. */
export function ed25519PublicOf(spki: Uint8Array): Ed25519Public {
  const hex = Buffer.from(spki).toString('hex');
  if (!hex.startsWith(spkiStart) || hex.length !== spkiStart.length + 64) {
    throw new TypeError('not the SubjectPublicKeyInfo of an Ed25519 key');
  }
  return hex.slice(spkiStart.length);
}

function pem(der: string, lineEnd: string): string {
  const base64 = Buffer.from(der, 'hex').toString('base64');
  return ['-----BEGIN PUBLIC KEY-----', base64, '-----END PUBLIC KEY-----', ''].join(lineEnd);
}

function keyObject(key: Ed25519Public): KeyObject {
  return createPublicKey({ key: Buffer.from(spkiStart + key, 'hex'), type: 'spki', format: 'der' });
}
