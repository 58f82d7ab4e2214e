import { isoTime } from '../daemon/clock.ts';
import type { Layout, LayoutKey } from '../domain/layout.ts';
import type { Link } from '../domain/link.ts';
import { type GpgSignature, type JsonObject, type Metablock, signedBytes } from '../domain/metablock.ts';
import type { Fingerprint } from '../domain/names.ts';
import { OpenPgpError } from './error.ts';
import { describeSignature } from './signature.ts';
import { checkSignature } from './verify.ts';

/** The narrow port of signing: bytes in, one detached binary OpenPGP signature out. */
export interface DetachedSigner {
  readonly fingerprint: Fingerprint;
  sign(content: Uint8Array, signal?: AbortSignal): Promise<Buffer>;
}

export interface SignOptions {
  readonly signer: DetachedSigner;
  /** The signer's public key, by which the signature is checked before anyone else sees it. */
  readonly key: LayoutKey;
  /** Wall time in milliseconds. */
  readonly now: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs a document and returns it with its one signature, already verified as a verifier would.
 *
 * @throws OpenPgpError when what came back is not a signature, or not a good one by `key`
 */
export async function signDocument<Signed extends Link | Layout>(
  signed: Signed,
  options: SignOptions,
): Promise<Metablock<Signed> & { readonly signatures: readonly [GpgSignature] }> {
  const content = signedBytes(signed as unknown as JsonObject);
  const signature = describeSignature(await options.signer.sign(content, options.signal));
  const state = checkSignature(signature, options.key, content, options.now);
  if (state === 'good') return { signatures: [signature], signed };
  const wanted = options.signer.fingerprint;
  const what = {
    bad: `the signature by ${wanted} does not match the document`,
    'other-key': `asked for a signature by ${wanted}, got one by ${signature.keyid}, which that key does not hold`,
    expired: `key ${signature.keyid} has expired`,
  }[state];
  throw new OpenPgpError(state === 'expired' ? 'expired' : 'bad-signature', what);
}

/** A layout signed by its owner; `in-toto-sign -f LAYOUT -g OWNER` makes the same. */
export function signLayout(layout: Layout, options: SignOptions): Promise<Metablock<Layout>> {
  return signDocument(layout, options);
}

/** A wall time in the only spelling that a layout's `expires` may have. */
export function layoutTime(wallMs: number): string {
  return `${isoTime(wallMs).slice(0, 19)}Z`;
}
