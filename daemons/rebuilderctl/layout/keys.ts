import type { LayoutKey } from '../../lib/domain/layout.ts';
import { partsOf } from '../../lib/domain/layout-key.ts';
import { parseFingerprint } from '../../lib/domain/names.ts';
import type { KnownKey } from '../../lib/layout/check.ts';
import { dearmor, maxArmored } from '../../lib/openpgp/armor.ts';
import { OpenPgpError } from '../../lib/openpgp/error.ts';
import { exportPublicKey, type GpgOptions } from '../../lib/openpgp/gpg.ts';
import { type KeyPart, readKeyParts, signingPartOf, signingParts } from '../../lib/openpgp/key-uses.ts';
import { readPublicKey } from '../../lib/openpgp/public-key.ts';
import { isExpired, isWeak } from '../../lib/openpgp/verify.ts';
import { CommandError } from '../errors.ts';
import { readCapped } from '../read-file.ts';

/** The same with the exported packets that it was read from. */
export interface NamedKey extends KnownKey {
  readonly packets: Buffer;
}

const revoked = 'it is revoked';

/**
 * The key that an option names: a full fingerprint in the key ring of gpg (or of what GNUPG names), or a file, armoured
 * or not.
 *
 * @throws CommandError when there is no such key, or what is there is none that in-toto knows
 */
export async function readNamedKey(named: string, gpg: GpgOptions, now: number): Promise<NamedKey> {
  const fingerprint = named.replaceAll(' ', '');
  const isFingerprint = /^(?:0x)?[0-9a-fA-F]{40}$/.test(fingerprint);
  try {
    const packets = isFingerprint
      ? await exportPublicKey(parseFingerprint(fingerprint.replace(/^0x/, '')), gpg)
      : dearmor(await readCapped(named, maxArmored));
    const key = readPublicKey(packets);
    if (isFingerprint && key.keyid !== fingerprint.replace(/^0x/, '').toLowerCase()) {
      throw new OpenPgpError('no-key', `it is a subkey: name its primary key, ${key.keyid.toUpperCase()}`);
    }
    const parts = readKeyParts(packets);
    const signer = signingPartOf(parts, now);
    const leftOut = partsOf(key).some(({ keyid }) => keyid === signer) ? undefined : signer;
    return { key, packets, unusable: whyUnusable(key, parts, now), leftOut };
  } catch (error) {
    if (error instanceof OpenPgpError) throw explained(named, error);
    if (error instanceof CommandError && /^[0-9A-Fa-f ]+$/.test(named)) {
      throw new CommandError(
        `${named}: neither a full fingerprint (40 hexadecimal digits) nor a file`,
        undefined,
        undefined,
        { cause: error },
      );
    }
    throw error;
  }
}

/** As `readNamedKey`, and refuses a key whose links nobody could verify. */
export async function readRebuilderKey(named: string, gpg: GpgOptions, now: number): Promise<KnownKey> {
  const known = await readNamedKey(named, gpg, now);
  const { key, unusable } = known;
  if (unusable !== undefined) {
    const keyid = key.keyid.toUpperCase();
    const remedy = remedyOf(key, unusable, now);
    throw new CommandError(`key ${keyid}: ${unusable}`, `Its holder ${remedy}; then exports it again.`);
  }
  return known;
}

function remedyOf(key: LayoutKey, unusable: string, now: number): string {
  const keyid = key.keyid.toUpperCase();
  // Nothing that an Ed25519 primary key binds is a subkey to in-toto, whatever its algorithm.
  if (unusable === revoked || key.type !== 'rsa') {
    return 'makes another key: gpg --quick-generate-key NAME rsa3072 sign 2y';
  }
  if (isExpired(key, now)) return `extends it: gpg --quick-set-expire ${keyid} 2y`;
  return `makes a part of it that signs and that in-toto can use: gpg --quick-add-key ${keyid} rsa3072 sign 2y`;
}

function whyUnusable(key: LayoutKey, parts: readonly KeyPart[], now: number): string | undefined {
  if (parts[0]?.use === 'revoked') return revoked;
  const signing = signingParts(key, parts);
  if (signing.length === 0) {
    const left = parts.find(({ use }) => use === 'signs');
    return left === undefined
      ? 'no part of it may sign'
      : `its signing subkey ${left.keyid.toUpperCase()} is one that in-toto leaves out (Ed25519, or renewed)`;
  }
  if (signing.every(isWeak)) return 'it signs with RSA of less than 2048 bits';
  if (signing.every((part) => isExpired(part, now))) return 'it has expired';
  return undefined;
}

function explained(named: string, error: OpenPgpError): CommandError {
  const next =
    error.code === 'gpg' || error.code === 'no-key'
      ? 'Is it in this key ring? --gpg-home DIR and the variable GNUPG name another; a file with the key does as well.'
      : undefined;
  return new CommandError(`key ${named}: ${error.message}`, next, undefined, { cause: error });
}
