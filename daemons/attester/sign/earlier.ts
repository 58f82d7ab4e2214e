import { CanonicalJsonError } from '../../lib/domain/canonical-json.ts';
import type { LayoutKey } from '../../lib/domain/layout.ts';
import { type EarlierProduct, packageProducts, parseLink, rebuildStep } from '../../lib/domain/link.ts';
import {
  isGpgSignature,
  type JsonObject,
  MetablockError,
  parseMetablock,
  signedBytes,
} from '../../lib/domain/metablock.ts';
import { checkSignature } from '../../lib/openpgp/verify.ts';

/** A link published earlier whose signature by a key of ours was checked. */
export type EarlierLink = Readonly<{
  path: string;
  /** The key or subkey that signed it. */
  keyid: string;
  products: readonly EarlierProduct[];
  environment: JsonObject;
}>;

export const maxEarlierBytes = 8 * 1_048_576;

/**
 * Reads a link that was published at `path`, for merging: undefined, and the reason told, unless it is a link of ours,
 * signed by one of these keys or subkeys, of nothing but package files. A key that has expired is believed no more, whenever
 * it signed: no verifier believes it then (securesystemslib gpg/functions.py).
 */
export function readEarlier(
  document: Readonly<{ path: string; content: Buffer }>,
  believed: readonly LayoutKey[],
  now: number,
  refused: (why: string) => void,
): EarlierLink | undefined {
  try {
    const { signatures, untrusted } = parseMetablock(document.content.toString('utf8'));
    const [signature] = signatures;
    const link = parseLink(untrusted);
    if (signature === undefined || !isGpgSignature(signature))
      throw new MetablockError('malformed', 'not signed');
    const key = believed.find(({ keyid }) => keyid === signature.keyid);
    const content = signedBytes(link as unknown as JsonObject);
    const state = key === undefined ? 'other-key' : checkSignature(signature, key, content, now);
    if (state !== 'good') throw new MetablockError('malformed', `its signature is ${state}`);
    const products = packageProducts(link);
    if (products === undefined || link.name !== rebuildStep || Object.keys(link.materials).length > 0) {
      throw new MetablockError('malformed', 'not a link of package files');
    }
    return { path: document.path, keyid: signature.keyid, products, environment: link.environment };
  } catch (error) {
    if (!(error instanceof MetablockError || error instanceof CanonicalJsonError)) throw error;
    refused(error.message);
    return undefined;
  }
}
