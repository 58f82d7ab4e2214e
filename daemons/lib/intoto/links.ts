import { CanonicalJsonError } from '../domain/canonical-json.ts';
import type { Layout, LayoutKey, Step } from '../domain/layout.ts';
import { isGpgLayoutKey } from '../domain/layout-key.ts';
import { type Link, parseLink } from '../domain/link.ts';
import {
  type JsonObject,
  MetablockError,
  parseMetablock,
  type Signature,
  signedBytes,
} from '../domain/metablock.ts';
import { type LinkFault, type LinkReason, VerificationError } from './errors.ts';
import { judgeSignature } from './signature.ts';

/** Links as they come from rebuilders, and which of them count for a step (in_toto/verifylib.py). */

/** One rebuilder's answer. `from` names it in messages. */
export type FetchedLink = Readonly<{ from: string; untrusted: string }>;

type ReadLink = Readonly<{
  signatures: readonly Signature[];
  link: Link;
  /** What its signatures are over; undefined where only in-toto can tell, for integers beyond 2^53. */
  content: Uint8Array | undefined;
}>;

export type StoredLink = Readonly<{ from: string }> & ReadLink;

export interface Stored {
  /** By the name of the file that apt's transport would keep it in. */
  readonly files: ReadonlyMap<string, StoredLink>;
  readonly faults: readonly LinkReason[];
}

/** A link whose signature is good. */
export type ValidLink = StoredLink & Readonly<{ keyid: string; primary: string }>;

/** What counts for a step, and what of its keys does not. */
export type Judged = Readonly<{ valid: readonly ValidLink[]; faults: readonly LinkReason[] }>;

/** Linux takes no longer file name. */
const maxFileName = 255;

/** Keeps each link as apt's transport does: under its own step and the first 8 digits of its first signature. */
export function storeLinks(fetched: readonly FetchedLink[]): Stored {
  const files = new Map<string, StoredLink>();
  const faults: LinkReason[] = [];
  for (const { from, untrusted } of fetched) {
    const read = readLink(from, untrusted);
    if ('fault' in read) {
      faults.push(read);
      continue;
    }
    const name = fileName(read.link.name, read.signatures[0]?.keyid ?? '');
    const earlier = files.get(name);
    if (earlier !== undefined) {
      faults.push(
        faultOf(earlier.from, 'replaced', `${from} answered with a link of the same name, ${name}`),
      );
    }
    if (!isFileName(name))
      faults.push(faultOf(from, 'wrong-step', 'its step has a name that no file can have'));
    else files.set(name, { from, ...read });
  }
  return { files, faults };
}

/**
 * The links that a step may count on, in the order of its keys, those of subkeys after their primary: one at the least for
 * each of as many keys as the threshold asks for.
 *
 * @throws VerificationError `link-not-found`, `threshold-not-met`, `signature-unsupported`
 */
export function validLinks(layout: Layout, step: Step, stored: Stored, now: number): Judged {
  const faults: LinkReason[] = [];
  const valid: ValidLink[] = [];
  for (const [keyid, one] of candidates(layout, step, stored)) {
    const key = verificationKey(layout, step, keyid);
    if (key === undefined) {
      faults.push(faultOf(one.from, 'unknown-key', `key ${keyid} is not in the layout`));
      continue;
    }
    const verdict = judgeSignature(one.signatures, key, contentOf(one), now);
    if (verdict === 'good') valid.push({ ...one, keyid, primary: String(key.keyid) });
    else faults.push(signatureFault(one.from, verdict, String(key.keyid)));
  }
  const distinct = new Set(valid.map((one) => one.primary)).size;
  // No link at all satisfies nobody, whatever the threshold: in-toto fails on it later.
  if (distinct < step.threshold || distinct === 0) {
    throw new VerificationError(
      'threshold-not-met',
      `step ${step.name} asks for good links by ${step.threshold} of its keys, found ${distinct}`,
      [...faults, ...strangers(layout, stored), ...stored.faults],
    );
  }
  return { valid, faults };
}

/**
 * Every step has as many link files as its threshold: in-toto looks before it checks any signature.
 *
 * @throws VerificationError `link-not-found`
 */
export function refuseMissingLinks(layout: Layout, stored: Stored): void {
  for (const step of layout.steps) {
    const found = candidates(layout, step, stored).length;
    if (found >= step.threshold) continue;
    throw new VerificationError(
      'link-not-found',
      `step ${step.name} asks for links by ${step.threshold} of its keys, found ${found}`,
      [...stored.faults, ...strangers(layout, stored)],
    );
  }
}

/** The stored links that a step's keys and their subkeys have the names of. */
function candidates(layout: Layout, step: Step, { files }: Stored): readonly [string, StoredLink][] {
  const keyids = new Set(step.pubkeys.flatMap((keyid) => [keyid, ...subkeyIds(keyOf(layout, keyid))]));
  return [...keyids].flatMap((keyid): [string, StoredLink][] => {
    const stored = files.get(fileName(step.name, keyid));
    return stored === undefined ? [] : [[keyid, stored]];
  });
}

/** By which key a step's link is judged: one of the step's, or the primary that holds it (trust goes down, never up). */
function verificationKey(layout: Layout, step: Step, keyid: string): LayoutKey | JsonObject | undefined {
  for (const authorised of step.pubkeys) {
    const key = keyOf(layout, authorised);
    if (keyid === authorised) {
      const primary = key ?? primaryOf(layout, authorised);
      if (primary !== undefined) return primary;
    }
    if (subkeyIds(key).includes(keyid)) return key;
  }
  return undefined;
}

/** The last key that lists it, as in the dictionary that in-toto makes. */
function primaryOf(layout: Layout, subkey: string): LayoutKey | JsonObject | undefined {
  return Object.values(layout.keys).findLast((key) => subkeyIds(key).includes(subkey));
}

function keyOf(layout: Layout, keyid: string): LayoutKey | JsonObject | undefined {
  return Object.hasOwn(layout.keys, keyid) ? layout.keys[keyid] : undefined;
}

function subkeyIds(key: LayoutKey | JsonObject | undefined): readonly string[] {
  return key !== undefined && isGpgLayoutKey(key) ? Object.keys(key.subkeys ?? {}) : [];
}

/** Links that no step looks at. */
export function strangers(layout: Layout, stored: Stored): readonly LinkReason[] {
  const looked = new Set(
    layout.steps.flatMap((step) => candidates(layout, step, stored).map(([, one]) => one)),
  );
  const steps = layout.steps.map((step) => step.name);
  return [...stored.files.values()]
    .filter((one) => !looked.has(one))
    .map(({ from, link, signatures }) =>
      steps.includes(link.name)
        ? faultOf(from, 'unknown-key', `signed by ${shown(signatures[0]?.keyid)}, which may not do the step`)
        : faultOf(from, 'wrong-step', `a link of step ${shown(link.name)}, not of ${steps.join(', ')}`),
    );
}

function readLink(from: string, untrusted: string): ReadLink | LinkReason {
  try {
    const { signatures, untrusted: signed } = parseMetablock(untrusted);
    if (signed._type === 'layout' && signed.name === undefined) {
      return faultOf(from, 'sublayout', 'a layout, which is not followed');
    }
    if (signatures.length === 0) return faultOf(from, 'malformed', 'nobody signed it');
    // The transport takes what comes for a link, whatever it calls itself: its signature is not of that, then.
    const link = parseLink({ ...signed, _type: 'link' });
    return { signatures, link, content: signable(link) };
  } catch (error) {
    if (error instanceof MetablockError || error instanceof CanonicalJsonError)
      return faultOf(from, 'malformed', error.message);
    throw error;
  }
}

/** in-toto makes the canonical form of a link when it reads it (in_toto/models/common.py): one that has none is no link. */
function signable(link: Link): Uint8Array | undefined {
  try {
    return signedBytes(link as unknown as JsonObject);
  } catch (error) {
    if (error instanceof CanonicalJsonError && error.code === 'number') return undefined;
    throw error;
  }
}

function contentOf({ from, content }: StoredLink): Uint8Array {
  if (content !== undefined) return content;
  const reason = faultOf(from, 'malformed', 'it has an integer beyond 2^53');
  throw new VerificationError('signature-unsupported', `${from}: ${reason.say}`, [reason]);
}

function signatureFault(from: string, verdict: 'missing' | 'bad' | 'expired', keyid: string): LinkReason {
  switch (verdict) {
    case 'missing':
      return faultOf(from, 'signature-missing', `key ${keyid} did not sign it`);
    case 'bad':
      return faultOf(from, 'signature-bad', `the signature by ${keyid} is not of what it says`);
    case 'expired':
      return faultOf(from, 'key-expired', `key ${keyid} has expired, by the layout`);
  }
}

export function faultOf(from: string, fault: LinkFault, say: string): LinkReason {
  return { from, fault, say };
}

/** in_toto/models/link.py, FILENAME_FORMAT. */
function fileName(step: string, keyid: string): string {
  return `${step}.${keyid.slice(0, 8)}.link`;
}

function isFileName(name: string): boolean {
  return !/[/\0]/.test(name) && Buffer.byteLength(name) <= maxFileName;
}

function shown(text = ''): string {
  return JSON.stringify(text.slice(0, 80));
}
