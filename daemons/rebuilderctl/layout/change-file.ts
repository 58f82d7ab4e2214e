import { isSame, type Json } from '../../lib/domain/canonical-json.ts';
import type { Layout } from '../../lib/domain/layout.ts';
import type { Metablock } from '../../lib/domain/metablock.ts';
import type { Fingerprint } from '../../lib/domain/names.ts';
import { checkLayout, checkSigner } from '../../lib/layout/check.ts';
import { about } from '../../lib/layout/findings.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { addKeys, removeKeys } from './change.ts';
import { readLayout, signBy } from './document.ts';
import { readRebuilderKey } from './keys.ts';
import { gpgOf, inPlaceOf, type Options, signing, type WriteOptions } from './options.ts';
import { deliverLayout, linesOf, refuseUnloadable } from './report.ts';

/** What `layout add-key` and `layout remove-key` do to a file. */

export interface AddKeyOptions extends WriteOptions {
  readonly rebuilderKey?: readonly string[];
  readonly threshold?: number;
}
export interface RemoveKeyOptions extends WriteOptions {
  readonly threshold?: number;
}

export async function addKey(context: Context, file: string, options: AddKeyOptions): Promise<void> {
  const { clock, terminal } = context;
  const now = clock.now();
  const { rebuilderKey = [], threshold } = options;
  if (rebuilderKey.length === 0 && threshold === undefined) {
    throw new CommandError('nothing to add: name a key with --rebuilder-key, or give a --threshold');
  }
  const before = await readLayout(file, now);
  const keys = await rebuilderKeys(context, rebuilderKey, options);
  const { layout, changes } = addKeys(before.signed, keys, threshold);
  const isOpen = options.ownerKey === undefined && options.output === undefined;
  if (isOpen && isSame(layout as unknown as Json, before.signed as unknown as Json)) {
    terminal.note(`${file}: left as it is: the keys are there already`);
    return;
  }
  await deliverChange(context, file, options, before, layout);
  if (options.json) return;
  for (const [at, key] of keys.entries()) terminal.note(`key ${key.keyid}: ${changes[at]}`);
}

export async function removeKey(
  context: Context,
  file: string,
  fingerprints: readonly Fingerprint[],
  options: RemoveKeyOptions,
): Promise<void> {
  const { clock, terminal } = context;
  const now = clock.now();
  const before = await readLayout(file, now);
  const keyids = [...new Set(fingerprints.map((fingerprint) => fingerprint.toLowerCase()))];
  const layout = removeKeys(before.signed, keyids, options.threshold);
  refuseUnreachable(file, layout, now);
  await deliverChange(context, file, options, before, layout);
  if (options.json) return;
  for (const keyid of keyids) terminal.note(`key ${keyid}: removed`);
}

/** Writes a layout that says something else than before; a signed one does not become unsigned unasked. */
async function deliverChange(
  context: Context,
  file: string,
  options: WriteOptions,
  { signatures }: Metablock<Layout>,
  layout: Layout,
): Promise<void> {
  if (options.ownerKey === undefined && options.output === undefined && signatures.length > 0) {
    throw new CommandError(
      `${file}: is signed, and its signatures would not hold for what it says then`,
      'Have its owner sign it at once (--owner-key FPR), or write it to another file (--output FILE) to be signed later.',
    );
  }
  refuseUnloadable(layout);
  const signed = await signBy(layout, [], signing(context, options));
  await deliverLayout(context, options.output ?? file, signed, inPlaceOf(file, options, signatures));
}

/** Keys that are left may have expired, or be missing. */
function refuseUnreachable(file: string, layout: Layout, now: number): void {
  const found = checkLayout({ layout, signatures: [], owners: [], rebuilders: [], now });
  const [first] = found.filter(({ code }) => code === 'threshold-unreachable');
  if (first === undefined) return;
  throw new CommandError(`${file}: ${first.say}: nothing was changed`, about(file, first).next);
}

/** Each key once, whoever names it twice; tells of one by which its holder could sign in vain. */
export async function rebuilderKeys(context: Context, named: readonly string[], options: Options) {
  const gpg = gpgOf(context.env, options);
  const known = await Promise.all(named.map((one) => readRebuilderKey(one, gpg, context.clock.now())));
  for (const line of known.flatMap(checkSigner).flatMap(linesOf)) context.terminal.note(line);
  return [...new Map(known.map(({ key }) => [key.keyid, key])).values()];
}
