import { ContractError } from '../../lib/contracts/contract.ts';
import { maxEnvelopeBytes, readEnvelope } from '../../lib/contracts/documents/dsse.ts';
import { readStatement } from '../../lib/contracts/documents/statement.ts';
import { canonicalJson, type Json } from '../../lib/domain/canonical-json.ts';
import type { Layout } from '../../lib/domain/layout.ts';
import { metadataWithin, nameOnDisk, parseLink, rebuildStep, sourceFolder } from '../../lib/domain/link.ts';
import { MetablockError, maxMetablockBytes, parseMetablock } from '../../lib/domain/metablock.ts';
import {
  type Architecture,
  type DebVersion,
  NameError,
  type PublicationPath,
  parsePublicationPath,
  parseSha256,
  type Sha256,
  withoutEpoch,
} from '../../lib/domain/names.ts';
import { publishedNames } from '../../lib/domain/published.ts';
import { buildVersion } from '../../lib/domain/version.ts';
import { VerificationError } from '../../lib/intoto/errors.ts';
import { type FetchedLink, storeLinks, validLinks } from '../../lib/intoto/links.ts';
import type { Answer, Publication } from '../verify/publications.ts';
import type { Word } from './outcome.ts';
import type { Package } from './packages.ts';

export interface Asking {
  /** Whose links count; without one, signatures are not checked. */
  readonly layout: Layout | undefined;
  /** The machine's own: what is built for all may be published under it. */
  readonly native: Architecture;
  /** Wall time in milliseconds. */
  readonly now: number;
  readonly signal: AbortSignal;
}

/** What a rebuilder says, and its link as it came. */
export type Heard = Readonly<{ word: Word; link: FetchedLink | undefined }>;

/** Asks one rebuilder for its link of a package and, where it has none, whether it made other bytes. */
export async function askRebuilder(publication: Publication, of: Package, asking: Asking): Promise<Heard> {
  const rebuilder = publication.name;
  const answer = await publication.read(
    metadataWithin(of.name, of.version),
    maxMetablockBytes,
    asking.signal,
  );
  const without = (word: Said) => ({ word: { rebuilder, ...word }, link: undefined });
  if (answer.kind === 'unreachable') return without({ says: 'unreachable', say: answer.say });
  if (answer.kind === 'found') {
    const untrusted = answer.bytes.toString('utf8');
    return { word: { rebuilder, ...wordOf(untrusted, of, asking) }, link: { from: rebuilder, untrusted } };
  }
  for (const path of differencePaths(of, asking.native)) {
    const difference = await publication.read(path, maxEnvelopeBytes, asking.signal);
    const rebuilt = rebuiltOf(difference, of);
    if (rebuilt !== undefined) return without({ says: 'differs', rebuilt });
  }
  return without({ says: 'absent' });
}

type Said = Word extends infer W ? (W extends Word ? Omit<W, 'rebuilder'> : never) : never;

function wordOf(text: string, of: Package, { layout, now }: Asking): Said {
  try {
    const key = layout === undefined ? claimedKey(text) : checkedKey(text, layout, now);
    const { products } = parseLink(parseMetablock(text).untrusted);
    const sha256 = products[fileOf(of)]?.sha256;
    if (sha256 === undefined) return { says: 'other-files' };
    return {
      says: 'reproduced',
      sha256: parseSha256(sha256),
      products: canonicalJson(products as Json),
      key,
    };
  } catch (error) {
    if (
      !(error instanceof MetablockError || error instanceof VerificationError || error instanceof NameError)
    ) {
      throw error;
    }
    const [reason] = error instanceof VerificationError ? error.reasons : [];
    return { says: 'refused', say: reason?.say ?? error.message };
  }
}

/** The package under the name that apt gives it on disk. */
export function fileOf(of: Package): string {
  return nameOnDisk({ ...of, package: of.name });
}

function claimedKey(text: string): string {
  return parseMetablock(text).signatures[0]?.keyid ?? '';
}

/** @throws VerificationError unless one of the layout's keys signed it */
function checkedKey(text: string, layout: Layout, now: number): string {
  const step = layout.steps.find(({ name }) => name === rebuildStep);
  if (step === undefined)
    throw new VerificationError('threshold-not-met', `the layout has no step ${rebuildStep}`);
  const stored = storeLinks([{ from: '', untrusted: text }]);
  const { valid } = validLinks(layout, { ...step, threshold: 1 }, stored, now);
  return valid[0]?.primary ?? '';
}

/** Where a rebuilder says that it made other bytes. */
function differencePaths(of: Package, native: Architecture): readonly PublicationPath[] {
  const version = buildVersion(of.sourceVersion, of.version) as DebVersion;
  const folder = sourceFolder('unreproducible', of.source, version);
  const labels = of.architecture === 'all' ? [of.architecture, native] : [of.architecture];
  return labels.map((label) => parsePublicationPath(`${folder}/${publishedNames.statement(label)}`));
}

/** What came out instead of the file. The statement's signature is not checked: an alarm is for people to look into. */
function rebuiltOf(answer: Answer, of: Package): Sha256 | undefined {
  if (answer.kind !== 'found') return undefined;
  try {
    const { predicate } = readStatement(readEnvelope(answer.bytes).payload);
    if (predicate.verdict !== 'unreproducible') return undefined;
    const name = `${of.name}_${withoutEpoch(of.version)}_${of.architecture}.deb`;
    return predicate.rebuilt.find((file) => file.name === name)?.digest.sha256;
  } catch (error) {
    if (error instanceof ContractError) return undefined;
    throw error;
  }
}
