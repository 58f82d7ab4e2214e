import { JobFailure } from '../../lib/contracts/job-failure.ts';
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
  const waiting = [...planned.entries()];
  const links: Published[] = [];
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  let done = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, one] = next;
      const document = await sign(one, { ...options, signal });
      const keyid = document.signatures[0].keyid;
      const content = Buffer.from(formatMetablock(document as unknown as Metablock<JsonObject>), 'utf8');
      links[index] = { path: one.path(keyid), content, signedBy: options.key.fingerprint };
      done += 1;
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

async function sign(one: PlannedLink, options: SignLinksOptions) {
  const { key, now, signal } = options;
  try {
    return await signDocument(one.link, { signer: key.signer, key: key.key, now, signal });
  } catch (error) {
    if (!(error instanceof OpenPgpError)) throw error;
    throw new JobFailure('signing', error.message, { cause: error });
  }
}
