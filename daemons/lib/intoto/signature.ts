import type { LayoutKey } from '../domain/layout.ts';
import { isGpgLayoutKey, partsOf } from '../domain/layout-key.ts';
import { type GpgSignature, isGpgSignature, type JsonObject, type Signature } from '../domain/metablock.ts';
import { checkSignature, isExpired } from '../openpgp/verify.ts';
import { VerificationError } from './errors.ts';
import { readPlainKey, verifyPlain } from './plain-key.ts';

export type SignatureVerdict = 'good' | 'missing' | 'bad' | 'expired';

/**
 * Judges a document by one key: the first signature that names it or a subkey of it decides (in_toto/models/metadata.py,
 * verify_signature). `now` is wall time in milliseconds.
 *
 * @throws VerificationError `signature-unsupported` where in-toto itself would not go on, and for what only it can verify
 */
export function judgeSignature(
  signatures: readonly Signature[],
  key: LayoutKey | JsonObject,
  content: Uint8Array,
  now: number,
): SignatureVerdict {
  const plain = isGpgLayoutKey(key) ? undefined : readPlainKey(key);
  if (!isGpgLayoutKey(key) && plain === undefined) throw unsupported(key, 'a key without a scheme');
  const ids = partsOf(key).map((part) => part.keyid);
  const signature = signatures.find(({ keyid }) => ids.includes(keyid));
  if (signature === undefined) return 'missing';
  try {
    if (isGpgSignature(signature)) {
      if (!isGpgLayoutKey(key)) throw unsupported(key, 'a signature of gpg by a key that is not gpg’s');
      if (hasHalfBytes(signature, key, now)) throw unsupported(key, 'a signature of half bytes');
      const state = checkSignature(signature, key, content, now);
      return state === 'other-key' ? 'missing' : state;
    }
    if (plain === undefined) throw unsupported(key, 'a signature that is not gpg’s by a key of gpg');
    if (signature.sig.length % 2 === 1) throw unsupported(key, 'a signature of half bytes');
    const isGood = verifyPlain(plain, Buffer.from(signature.sig, 'hex'), content);
    if (isGood === undefined) {
      throw unsupported(key, `a ${plain.keytype} key or signature of scheme ${plain.scheme}`);
    }
    return isGood ? 'good' : 'bad';
  } catch (error) {
    if (error instanceof VerificationError) throw error;
    throw unsupported(key, 'a key that cannot be used', error);
  }
}

/**
 * in-toto fills a signature up with zeros to as many digits as its RSA key has, an odd number of them as well; of a key
 * that has expired it reads none (securesystemslib gpg/functions.py, verify_signature).
 */
function hasHalfBytes(
  { keyid, other_headers: headers, signature: value }: GpgSignature,
  key: LayoutKey,
  now: number,
): boolean {
  const signer = partsOf(key).find((part) => part.keyid === keyid);
  if (signer === undefined || isExpired(signer, now)) return false;
  const digits = signer.keyval.public.n?.length ?? 0;
  return headers.length % 2 === 1 || (value.length % 2 === 1 && value.length >= digits);
}

function unsupported(key: LayoutKey | JsonObject, what: string, cause?: unknown): VerificationError {
  const shown = `key ${String(key.keyid).slice(0, 64)}: ${what.slice(0, 120)}`;
  return new VerificationError('signature-unsupported', shown, [], { cause });
}
