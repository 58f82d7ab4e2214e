import type { Json } from './canonical-json.ts';
import { parseUtcTime } from './date.ts';
import { isObject, type JsonObject, MetablockError } from './metablock.ts';

/** Public keys as a layout holds them. */

/** A public key in the form of securesystemslib's `export_pubkeys` (facts: in-toto §4). */
export type LayoutKey = Readonly<{
  type: 'rsa' | 'dsa' | 'eddsa';
  method: 'pgp+rsa-pkcsv1.5' | 'pgp+dsa-fips-180-2' | 'pgp+eddsa-ed25519';
  hashes: readonly ['pgp+SHA2'];
  /** The version 4 fingerprint, lower case. */
  keyid: string;
  /** Always with an empty `private`: in-toto's Go implementation wants it. */
  keyval: Readonly<{ private: ''; public: Readonly<Record<string, string>> }>;
  /** Seconds since 1970; exports of before 2019 have none. */
  creation_time?: number;
  /** Seconds; absent when the key does not expire. */
  validity_period?: number;
  subkeys?: Readonly<Record<string, LayoutKey>>;
}>;

/** Hexadecimal digits of the longest integer: RSA of 16,384 bits, four times what gpg makes. */
const maxDigits = 16_384 / 4;
const maxSubkeys = 100;
/** The schema's own limit, of integers and of times. */
const maxTime = 2 ** 31 - 1;

/** What each kind of gpg key is made of: securesystemslib formats.py. */
const gpgKinds: Readonly<Record<string, Readonly<{ method: string; integers: readonly string[] }>>> = {
  rsa: { method: 'pgp+rsa-pkcsv1.5', integers: ['e', 'n'] },
  dsa: { method: 'pgp+dsa-fips-180-2', integers: ['y', 'p', 'q', 'g'] },
  eddsa: { method: 'pgp+eddsa-ed25519', integers: ['q'] },
};

/**
 * A key of a layout by the schemas that in-toto loads it by (securesystemslib formats.py, ANY_PUBKEY_SCHEMA): gpg's, or
 * securesystemslib's own, which stays as it came.
 *
 * @throws MetablockError
 */
export function parseLayoutKey(untrusted: Json | undefined, keyid: string): LayoutKey | JsonObject {
  const fail = (what: string) =>
    new MetablockError('malformed', `keys[${JSON.stringify(keyid.slice(0, 80))}]: ${what}`);
  if (!isHex(keyid) || !isObject(untrusted) || untrusted.keyid !== keyid) throw fail('not a public key');
  if (untrusted.method === undefined) {
    if (!isPlainKey(untrusted)) throw fail('neither a key of gpg nor one of securesystemslib');
    return untrusted;
  }
  if (!isGpgKey(untrusted)) throw fail('not a key as export_pubkeys gives it');
  const { subkeys = {} } = untrusted;
  if (!isObject(subkeys)) throw fail('subkeys: expected an object');
  const entries = Object.entries(subkeys);
  if (entries.length > maxSubkeys) throw new MetablockError('too-large', `more than ${maxSubkeys} subkeys`);
  for (const [id, subkey] of entries) {
    if (!isHex(id) || !isObject(subkey) || !isGpgKey(subkey) || subkey.keyid !== id) {
      throw fail('subkeys: not a public key');
    }
    // securesystemslib's schema of a key holds subkeys of its own kind alone.
    if (subkey.type !== untrusted.type || subkey.subkeys !== undefined)
      throw fail('subkeys: of another kind than the key');
  }
  return untrusted;
}

/** Whether it is a key that gpg's signatures are checked by; what a layout's parser let through has its shape. */
export function isGpgLayoutKey(key: LayoutKey | JsonObject): key is LayoutKey {
  return key.method !== undefined;
}

/** A key and its subkeys: whatever may sign in its name. */
export function partsOf(key: LayoutKey): readonly LayoutKey[];
export function partsOf(key: LayoutKey | JsonObject): readonly (LayoutKey | JsonObject)[];
export function partsOf(key: LayoutKey | JsonObject): readonly (LayoutKey | JsonObject)[] {
  return isGpgLayoutKey(key) ? [key, ...Object.values(key.subkeys ?? {})] : [key];
}

function isGpgKey(untrusted: JsonObject): boolean {
  const { type, method, hashes, keyval, creation_time: created, validity_period: validity } = untrusted;
  const kind = typeof type === 'string' && Object.hasOwn(gpgKinds, type) ? gpgKinds[type] : undefined;
  if (kind === undefined || method !== kind.method || !isObject(keyval)) return false;
  const { private: secret, public: numbers } = keyval;
  return (
    Array.isArray(hashes) &&
    hashes.length <= 10 &&
    hashes.every((one) => one === 'pgp+SHA2') &&
    secret === '' &&
    isObject(numbers) &&
    kind.integers.every((name) => isHex(numbers[name])) &&
    (created === undefined || isTime(created)) &&
    (validity === undefined || isTime(validity))
  );
}

/** PUBLIC_KEY_SCHEMA: a kind, a public value, and no private one. */
function isPlainKey({ keytype, keyval, keyid_hash_algorithms: algorithms, expires }: JsonObject): boolean {
  return (
    typeof keytype === 'string' &&
    isObject(keyval) &&
    typeof keyval.public === 'string' &&
    (keyval.private === undefined || keyval.private === '') &&
    (algorithms === undefined || isHashList(algorithms)) &&
    (expires === undefined || (typeof expires === 'string' && parseUtcTime(expires) !== undefined))
  );
}

function isHashList(untrusted: Json): boolean {
  return Array.isArray(untrusted) && untrusted.every((one) => one === 'sha256' || one === 'sha512');
}

function isTime(untrusted: Json | undefined): boolean {
  return Number.isSafeInteger(untrusted) && Number(untrusted) >= 0 && Number(untrusted) <= maxTime;
}

function isHex(untrusted: Json | undefined): boolean {
  return typeof untrusted === 'string' && untrusted.length <= maxDigits && /^[a-fA-F0-9]+$/.test(untrusted);
}
