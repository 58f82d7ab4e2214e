import { parseUtcTime } from '../domain/date.ts';
import { type Layout, type LayoutKey, parseLayout } from '../domain/layout.ts';
import {
  type JsonObject,
  MetablockError,
  parseMetablock,
  type Signature,
  signedBytes,
} from '../domain/metablock.ts';
import { type LinkReason, VerificationError } from './errors.ts';
import { explained } from './explain.ts';
import {
  type FetchedLink,
  faultOf,
  refuseMissingLinks,
  storeLinks,
  strangers,
  type ValidLink,
  validLinks,
} from './links.ts';
import { checkItems, type Recorded, RuleFailure, sameArtifacts } from './rules.ts';
import { judgeSignature } from './signature.ts';

/**
 * Decides whether a file is one that rebuilders vouch for, as `in_toto_verify` of in-toto 1.3.1 does within
 * apt-transport-in-toto (facts: in-toto §5, §6; apt-transport-in-toto §5, §6). Nothing is run, read or fetched.
 *
 * Stricter than in-toto in this alone: a file whose name in-toto's recorder leaves out
 * (`*.link*`, `*.pyc`, `*~`) is judged all the same; integers beyond 2^53, numbers that are no integers in any member of
 * what was signed, text that is not UTF-8 or begins with a mark of it, and what the parsers of `lib/domain` cap are
 * refused.
 */

export { type LinkReason, VerificationError } from './errors.ts';
export type { FetchedLink } from './links.ts';

export interface VerifyFileOptions {
  /** Text of the layout's file, untrusted. */
  readonly layout: string;
  /** Each of them must have signed the layout (apt's `Keyids`), as their holder's key ring has them today. */
  readonly ownerKeys: readonly LayoutKey[];
  /** What the rebuilders answered, in the order in which they were asked. */
  readonly links: readonly FetchedLink[];
  /** The file under the name that apt gives it on disk, without a folder; sha256 in lower-case hexadecimal. */
  readonly file: Readonly<{ name: string; sha256: string }>;
  /** Wall time in milliseconds. */
  readonly now: number;
}

/** A link that the decision rests on. */
export type Voucher = Readonly<{
  step: string;
  from: string;
  /** The primary key that the layout names, and the part of it that signed. */
  key: string;
  signer: string;
}>;

export interface Verified {
  readonly vouchers: readonly Voucher[];
  /** Answers that did not count, for people to look into. */
  readonly ignored: readonly LinkReason[];
}

/** @throws VerificationError */
export function verifyFile(options: VerifyFileOptions): Verified {
  const { file, now } = options;
  const layout = openLayout(options);
  const stored = storeLinks(options.links);
  refuseMissingLinks(layout, stored);
  const steps = layout.steps.map(({ name }) => name);
  const judged = layout.steps.map((step) => validLinks(layout, step, stored, now));
  const valid = judged.map((one) => one.valid);
  layout.steps.forEach((step, at) => {
    if (step.threshold > 1) refuseDifferences(step.name, valid[at] ?? []);
  });
  const chosen = new Map<string, Recorded>();
  valid.forEach(([first], at) => {
    if (first !== undefined) chosen.set(steps[at] ?? '', first.link);
  });
  const inspected: Recorded = recordOf(file);
  try {
    checkItems(layout.steps, chosen);
    refuseCommands(layout);
    for (const { name } of layout.inspect) chosen.set(name, inspected);
    checkItems(layout.inspect, chosen);
  } catch (error) {
    if (error instanceof RuleFailure) throw explained(error, file, chosen);
    throw error;
  }
  return outcome(steps, valid, [
    ...stored.faults,
    ...strangers(layout, stored),
    ...judged.flatMap(({ faults }) => faults),
  ]);
}

/**
 * A layout that every owner signed and that has not expired.
 *
 * @throws VerificationError
 */
export function openLayout({
  layout: text,
  ownerKeys,
  now,
}: Pick<VerifyFileOptions, 'layout' | 'ownerKeys' | 'now'>): Layout {
  const { signatures, layout } = parse(text);
  if (ownerKeys.length === 0)
    throw new VerificationError('no-owner-key', 'no owner key was given to judge it by');
  const content = signedBytes(layout as unknown as JsonObject);
  for (const key of ownerKeys) {
    const verdict = judgeSignature(signatures, key, content, now);
    if (verdict === 'good') continue;
    const by = [...new Set(signatures.map(({ keyid }) => keyid))].slice(0, 10).join(', ') || 'nobody';
    throw {
      missing: new VerificationError(
        'layout-unsigned',
        `key ${key.keyid} has not signed the layout: signed by ${by}`,
      ),
      bad: new VerificationError(
        'layout-signature-bad',
        `the signature by key ${key.keyid} is not of what the layout says`,
      ),
      expired: new VerificationError(
        'owner-key-expired',
        `key ${key.keyid}, which signed the layout, has expired`,
      ),
    }[verdict];
  }
  if ((parseUtcTime(layout.expires) ?? 0) < now) {
    throw new VerificationError('layout-expired', `the layout expired on ${layout.expires}`);
  }
  return layout;
}

function parse(text: string): { signatures: readonly Signature[]; layout: Layout } {
  try {
    const { signatures, untrusted } = parseMetablock(text);
    return { signatures, layout: parseLayout(untrusted) };
  } catch (cause) {
    if (!(cause instanceof MetablockError)) throw cause;
    throw new VerificationError('layout-unreadable', `not a layout: ${cause.message}`, [], { cause });
  }
}

/** Rebuilders of one threshold have to say the same, all of them, also those beyond its number. */
function refuseDifferences(step: string, [first, ...others]: readonly ValidLink[]): void {
  const different = others.filter((one) => first !== undefined && !isSame(first, one));
  if (first === undefined || different.length === 0) return;
  throw new VerificationError(
    'links-disagree',
    `step ${step}: ${[first, ...different].map(({ from }) => from).join(', ')} list different files or hashes`,
    different.map(({ from }) => faultOf(from, 'differs', `not the same as what ${first.from} lists`)),
  );
}

function isSame({ link: a }: ValidLink, { link: b }: ValidLink): boolean {
  return sameArtifacts(a.materials, b.materials) && sameArtifacts(a.products, b.products);
}

/** What an inspection by `true` records in a folder that holds this file alone. */
function recordOf({ name, sha256 }: VerifyFileOptions['file']): Recorded {
  const artifacts = { [name]: { sha256 } };
  return { materials: artifacts, products: artifacts };
}

/** in-toto runs an inspection's command on the file; nothing is ever run here, and of `true` the outcome is known. */
function refuseCommands(layout: Layout): void {
  for (const { name, run } of layout.inspect) {
    if (run.length === 1 && /^(?:\/usr\/bin\/|\/bin\/)?true$/.test(run[0] ?? '')) continue;
    const command = JSON.stringify(run).slice(0, 120);
    throw new VerificationError(
      'inspection-unsupported',
      `inspection ${name} runs ${command}: nothing but ["/usr/bin/true"] can be judged`,
    );
  }
}

function outcome(
  steps: readonly string[],
  valid: readonly (readonly ValidLink[])[],
  faults: readonly LinkReason[],
): Verified {
  const ignored = [...faults];
  const vouchers = valid.flatMap((links, at): readonly Voucher[] => {
    const [first] = links;
    return links.flatMap((one): readonly Voucher[] => {
      if (first !== undefined && isSame(first, one)) {
        return [{ step: steps[at] ?? '', from: one.from, key: one.primary, signer: one.keyid }];
      }
      ignored.push(faultOf(one.from, 'differs', `not the same as what ${first?.from} lists`));
      return [];
    });
  });
  return { vouchers, ignored };
}
