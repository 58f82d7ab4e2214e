import { isSame, type Json } from '../domain/canonical-json.ts';
import { dayMs, parseUtcTime } from '../domain/date.ts';
import type { Layout, LayoutKey, Step } from '../domain/layout.ts';
import { isGpgLayoutKey, partsOf } from '../domain/layout-key.ts';
import {
  isGpgSignature,
  type JsonObject,
  type Signature,
  shortKeyId,
  signedBytes,
} from '../domain/metablock.ts';
import { layoutTime } from '../openpgp/sign.ts';
import { checkSignature, expiryOf, isExpired, isWeak } from '../openpgp/verify.ts';
import { type Finding, type FindingCode, finding } from './findings.ts';

/** How far ahead people are warned of an end: time enough to reach every owner. */
export const soonMs = 60 * dayMs;

/** A public key as it is today, with why no link by it could be verified, if so. */
export interface KnownKey {
  readonly key: LayoutKey;
  readonly unusable: string | undefined;
  /** The part by which gpg signs when it is told this key, where in-toto leaves that out and no link by it counts. */
  readonly leftOut?: string | undefined;
}

export interface CheckOptions {
  readonly layout: Layout;
  readonly signatures: readonly Signature[];
  /** Keys that clients will ask signatures of. */
  readonly owners: readonly LayoutKey[];
  /** Rebuilders' keys as they are today. */
  readonly rebuilders: readonly KnownKey[];
  /** Wall time in milliseconds. */
  readonly now: number;
}

/** Everything that keeps a layout from being believed or satisfied, now or within 60 days, by in-toto's rules. */
export function checkLayout(options: CheckOptions): readonly Finding[] {
  const { layout, now } = options;
  return [
    ...checkExpiry(layout, now),
    ...checkSignatures(options),
    ...checkSteps(layout, now),
    ...checkKeys(layout, now),
    ...checkCollisions(layout),
    ...options.rebuilders.flatMap((known) => checkCopy(layout, known)),
  ];
}

function checkExpiry(layout: Layout, now: number): readonly Finding[] {
  const at = parseUtcTime(layout.expires) ?? 0;
  if (at < now) return [finding('expired', 'layout', `it expired on ${layout.expires}`, { at })];
  if (at < now + soonMs)
    return [finding('expires-soon', 'layout', `it expires on ${layout.expires}`, { at })];
  return [];
}

function checkSignatures(options: CheckOptions): readonly Finding[] {
  const { layout, signatures, owners, now } = options;
  if (signatures.length === 0 && owners.length === 0)
    return [finding('unsigned', 'layout', 'nobody signed it')];
  const content = signedBytes(layout as unknown as JsonObject);
  return owners.flatMap((owner) => {
    const parts = partsOf(owner);
    // in-toto judges the first signature that names the key or a subkey, and no other (models/metadata.py).
    const signature = signatures.find(({ keyid }) => parts.some((part) => part.keyid === keyid));
    if (signature === undefined) return [ofKey('signature-missing', owner, 'has not signed it')];
    const state = isGpgSignature(signature) ? checkSignature(signature, owner, content, now) : 'bad';
    if (state === 'expired') return [ofKey('owner-key-expired', owner, 'signed it, and has expired')];
    if (state !== 'good') return [ofKey('signature-bad', owner, 'did not sign what it says now')];
    const signer = parts.find((part) => part.keyid === signature.keyid) ?? owner;
    return endsSoon(signer, now)
      ? [ofKey('owner-key-expires-soon', owner, `signed it, and expires on ${endOf(signer)}`, signer)]
      : [];
  });
}

function checkSteps(layout: Layout, now: number): readonly Finding[] {
  const missing = layout.steps.some((step) => step.name === 'rebuild')
    ? []
    : [finding('step-missing', 'layout', 'no step is called rebuild')];
  return [...missing, ...layout.steps.flatMap((step) => checkStep(layout, step, now))];
}

function checkStep(layout: Layout, step: Step, now: number): readonly Finding[] {
  const named = step.pubkeys.map((keyid) => ({ keyid, ...lookUp(layout, keyid) }));
  const found = named
    .filter(({ primary }) => primary === undefined)
    .map(({ keyid }) =>
      finding('key-missing', keyid, `step ${step.name} names key ${keyid}, which is not there`),
    );
  const usable = new Set(
    named.flatMap(({ primary, parts }) =>
      primary !== undefined && parts.some((part) => isUsable(part, now)) ? [primary] : [],
    ),
  ).size;
  const { name, threshold } = step;
  if (threshold < 1) {
    return [...found, finding('threshold-none', name, `step ${name} asks for ${threshold} rebuilders`)];
  }
  if (threshold <= usable) return found;
  const say = `step ${name} asks for ${threshold} rebuilders, and ${usable} of its keys can be used`;
  return [...found, finding('threshold-unreachable', name, say)];
}

/** A step names a primary key, and thereby its subkeys, or one subkey alone (in_toto/verifylib.py). */
function lookUp(
  layout: Layout,
  keyid: string,
): { primary: string | undefined; parts: readonly (LayoutKey | JsonObject)[] } {
  const own = Object.hasOwn(layout.keys, keyid) ? layout.keys[keyid] : undefined;
  if (own !== undefined) return { primary: keyid, parts: partsOf(own) };
  for (const [primary, key] of Object.entries(layout.keys)) {
    const part = partsOf(key).find((one) => one.keyid === keyid);
    if (part !== undefined) return { primary, parts: [part] };
  }
  return { primary: undefined, parts: [] };
}

/** Keys of securesystemslib's own have no dates. */
function isUsable(part: LayoutKey | JsonObject, now: number): boolean {
  return !isGpgLayoutKey(part) || (!isExpired(part, now) && !isWeak(part));
}

function checkKeys(layout: Layout, now: number): readonly Finding[] {
  const named = new Set(layout.steps.flatMap((step) => step.pubkeys));
  return Object.entries(layout.keys).flatMap(([keyid, key]) => {
    const unnamed = partsOf(key).some((part) => named.has(String(part.keyid)))
      ? []
      : [finding('key-unnamed', keyid, `no step names key ${keyid}`)];
    return isGpgLayoutKey(key) ? [...unnamed, ...checkKey(key, now)] : unnamed;
  });
}

function checkKey(key: LayoutKey, now: number): readonly Finding[] {
  if (partsOf(key).every(isWeak)) {
    return [ofKey('key-unusable', key, 'is RSA of less than 2048 bits')];
  }
  if (isExpired(key, now)) return [ofKey('key-expired', key, `expired on ${endOf(key)}`, key)];
  const soon = endsSoon(key, now) ? [ofKey('key-expires-soon', key, `expires on ${endOf(key)}`, key)] : [];
  const subkeys = Object.values(key.subkeys ?? {}).flatMap((subkey) => {
    const of = `subkey ${subkey.keyid} of key ${key.keyid}`;
    const options = { key: key.keyid, at: expiryOf(subkey) };
    if (isExpired(subkey, now)) {
      return [finding('subkey-expired', subkey.keyid, `${of} expired on ${endOf(subkey)}`, options)];
    }
    // A subkey does not outlive its primary: one warning is enough where both end together.
    return endsSoon(subkey, now) && soon.length === 0
      ? [finding('subkey-expires-soon', subkey.keyid, `${of} expires on ${endOf(subkey)}`, options)]
      : [];
  });
  return [...soon, ...subkeys];
}

function checkCollisions(layout: Layout): readonly Finding[] {
  const seen = new Map<string, string>();
  return Object.values(layout.keys)
    .flatMap(partsOf)
    .flatMap(({ keyid: untyped }) => {
      const keyid = String(untyped);
      const other = seen.get(shortKeyId(keyid));
      seen.set(shortKeyId(keyid), keyid);
      if (other === undefined || other === keyid) return [];
      return [finding('key-collision', keyid, `keys ${other} and ${keyid} share their first 8 digits`)];
    });
}

/** A key of today beside the layout's copy of it. */
function checkCopy(layout: Layout, known: KnownKey): readonly Finding[] {
  const { key, unusable } = known;
  const copy = Object.hasOwn(layout.keys, key.keyid) ? layout.keys[key.keyid] : undefined;
  const found =
    unusable === undefined ? checkSigner(known) : [ofKey('key-unusable', key, `cannot be used: ${unusable}`)];
  if (copy === undefined) return [...found, ofKey('key-missing', key, 'is not in the layout')];
  return isSame(copy as Json, key as unknown as Json)
    ? found
    : [...found, ofKey('key-outdated', key, 'is not as it was when the layout was made')];
}

/** Whether gpg, told this key, would sign by a part that no layout holds. */
export function checkSigner({ key, leftOut }: KnownKey): readonly Finding[] {
  if (leftOut === undefined) return [];
  const say = `has a newest signing subkey, ${leftOut}, by which gpg signs, and which in-toto leaves out (Ed25519, or renewed)`;
  return [ofKey('subkey-left-out', key, say)];
}

/** `ends`: the part whose end it is about. */
function ofKey(code: FindingCode, key: LayoutKey, say: string, ends?: LayoutKey): Finding {
  return finding(code, key.keyid, `key ${key.keyid} ${say}`, { at: ends && expiryOf(ends) });
}

function endsSoon(key: LayoutKey, now: number): boolean {
  return (expiryOf(key) ?? Number.POSITIVE_INFINITY) < now + soonMs;
}

function endOf(key: LayoutKey): string {
  const at = expiryOf(key);
  return at === undefined ? 'no day' : layoutTime(at);
}
