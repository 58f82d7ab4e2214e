import { JobFailure } from '../../lib/contracts/job-failure.ts';
import { canonicalJson } from '../../lib/domain/canonical-json.ts';
import type { Link } from '../../lib/domain/link.ts';
import { formatMetablock, type JsonObject, type Metablock } from '../../lib/domain/metablock.ts';
import type { Fingerprint, PublicationPath } from '../../lib/domain/names.ts';
import { OpenPgpError } from '../../lib/openpgp/error.ts';
import { signDocument } from '../../lib/openpgp/sign.ts';
import type { SigningKey } from '../keys.ts';
import type { PlannedLink } from './plan.ts';

/** A file to be published, and the OpenPGP key that signed it, if one did. */
export type Published = Readonly<{
  path: PublicationPath;
  content: Buffer;
  signedBy?: Fingerprint;
  /** An object of the job, which the orchestrator has. */
  isKept?: true;
}>;

export interface SignLinksOptions {
  readonly key: SigningKey;
  readonly now: number;
  readonly signal: AbortSignal;
  readonly onEach: (done: number) => void;
}

/** Calls that one attester has open at the vault for one build: each costs dom0 work. */
const inFlight = 4;

/**
 * Has every link signed, or none: nothing leaves while one is missing.
 *
 * @throws JobFailure `signing`
 */
export async function signLinks(
  planned: readonly PlannedLink[],
  options: SignLinksOptions,
): Promise<readonly Published[]> {
  const waiting = sameDocuments(planned);
  const links: Published[] = [];
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  let done = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const document = await sign(next.link, { ...options, signal });
      const keyid = document.signatures[0].keyid;
      const content = Buffer.from(formatMetablock(document as unknown as Metablock<JsonObject>), 'utf8');
      for (const [index, one] of next.at) {
        links[index] = { path: one.path(keyid), content, signedBy: options.key.fingerprint };
      }
      done += next.at.length;
      options.onEach(done);
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, work));
  } catch (error) {
    failed.abort(error);
    throw error;
  }
  return links;
}

/** A document to be signed, and each place that it has among the planned. */
type ToSign = Readonly<{ link: Link; at: (readonly [number, PlannedLink])[] }>;

/** Links of the same bytes get one signature: the two of a source are, as long as only one build made its files. */
function sameDocuments(planned: readonly PlannedLink[]): ToSign[] {
  const documents = new Map<string, ToSign>();
  for (const [index, one] of planned.entries()) {
    const bytes = canonicalJson(one.link as unknown as JsonObject);
    const document = documents.get(bytes) ?? { link: one.link, at: [] };
    document.at.push([index, one]);
    documents.set(bytes, document);
  }
  return [...documents.values()];
}

async function sign(link: Link, options: SignLinksOptions) {
  const { key, now, signal } = options;
  try {
    return await signDocument(link, { signer: key.signer, key: key.key, now, signal });
  } catch (error) {
    if (!(error instanceof OpenPgpError)) throw error;
    throw new JobFailure('signing', error.message, { cause: error });
  }
}
