import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SignKind } from '../../lib/contracts/sign.ts';
import { type Ed25519Public, ed25519KeyId, ed25519PublicOf } from '../../lib/evidence/ed25519.ts';
import { makeFile, readIfThere } from '../../lib/objects/durable-file.ts';

/** A key of the vault's that cannot be used; it is never replaced by a new one. */
export class VaultKeyError extends Error {
  override readonly name = 'VaultKeyError';
  readonly code = 'unusable';
}

export interface SigningKey {
  readonly keyid: string;
  readonly public: Ed25519Public;
  /** 128 hexadecimal digits; the same bytes always give the same signature (RFC 8032). */
  sign(bytes: Uint8Array): string;
}

/** Where keys and counters stand in the vault's state folder. */
export function signFolder(state: string): string {
  return join(state, 'sign');
}

/**
 * The key of one kind, `STATE/sign/KIND.pem` (PKCS#8, 0600), made when it is first asked for. Each kind has its own, as
 * links have a key for each verdict: a verifier of one kind can never be shown a signature of another, whatever was
 * signed.
 *
 * @throws VaultKeyError if what is there is not such a key
 */
export async function openSigningKey(state: string, kind: SignKind): Promise<SigningKey> {
  await mkdir(signFolder(state), { recursive: true, mode: 0o700 });
  const path = join(signFolder(state), `${kind}.pem`);
  return readKey(path, (await readIfThere(path)) ?? (await makeFile(path, newKey())));
}

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function readKey(path: string, pem: string): SigningKey {
  const key = parseKey(path, pem);
  const publicHalf = ed25519PublicOf(createPublicKey(key).export({ type: 'spki', format: 'der' }));
  return {
    keyid: ed25519KeyId(publicHalf),
    public: publicHalf,
    sign: (bytes) => sign(null, bytes, key).toString('hex'),
  };
}

function parseKey(path: string, pem: string): KeyObject {
  const expected =
    'expected an Ed25519 private key (PKCS#8 PEM); bring it back from a backup, or move it away';
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    // What OpenSSL says of a private key's text stays here.
    throw new VaultKeyError(`${path}: unreadable, ${expected}`, { cause: error });
  }
  throw new VaultKeyError(`${path}: of another kind, ${expected}`);
}
