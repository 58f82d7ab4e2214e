import { type Layout, type LayoutKey, parseLayout } from '../../lib/domain/layout.ts';
import { partsOf } from '../../lib/domain/layout-key.ts';
import {
  formatMetablock,
  type JsonObject,
  type Metablock,
  MetablockError,
  maxMetablockBytes,
  parseMetablock,
  type Signature,
} from '../../lib/domain/metablock.ts';
import type { Fingerprint } from '../../lib/domain/names.ts';
import { OpenPgpError } from '../../lib/openpgp/error.ts';
import { type GpgOptions, gpgSigner } from '../../lib/openpgp/gpg.ts';
import { signLayout } from '../../lib/openpgp/sign.ts';
import { CommandError } from '../errors.ts';
import { readCapped } from '../read-file.ts';
import { defaultExpiry } from './expiry.ts';
import { readNamedKey } from './keys.ts';

/**
 * A layout's file, read as strictly as in-toto reads it. One without an expiry gets a month from now, as in-toto gives it.
 *
 * @throws CommandError that names the file and what is wrong with it
 */
export async function readLayout(path: string, now: number): Promise<Metablock<Layout>> {
  return layoutOf(path, await readCapped(path, maxMetablockBytes), now);
}

/** The same of bytes that were read from `path`. */
export function layoutOf(path: string, bytes: Buffer, now: number): Metablock<Layout> {
  try {
    const { signatures, untrusted } = parseMetablock(textOf(bytes));
    return { signatures, signed: parseLayout(untrusted, defaultExpiry(now)) };
  } catch (error) {
    if (!(error instanceof MetablockError)) throw error;
    throw new CommandError(
      `${path}: ${error.message}`,
      'It is not a layout that in-toto would load; make one with rebuilderctl layout init.',
      undefined,
      { cause: error },
    );
  }
}

/** Python reads neither damaged UTF-8 nor a byte order mark. */
function textOf(untrusted: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(untrusted);
  } catch (cause) {
    throw new MetablockError('not-json', 'not UTF-8', { cause });
  }
}

/** The bytes that in-toto's own tools would have written. */
export function layoutText(document: Metablock<Layout>): string {
  return formatMetablock({ ...document, signed: document.signed as unknown as JsonObject });
}

export interface SigningOptions {
  readonly owners: readonly Fingerprint[];
  readonly gpg: GpgOptions;
  readonly now: number;
  readonly signal: AbortSignal;
}

export type Signed = Readonly<{ document: Metablock<Layout>; owners: readonly LayoutKey[] }>;

/**
 * Has each owner sign, after the signatures that are kept. An earlier signature by an owner who signs again goes: in-toto
 * looks at the first one of a key alone.
 *
 * @throws CommandError when one of them cannot sign: then nothing is signed
 */
export async function signBy(
  layout: Layout,
  kept: readonly Signature[],
  { owners, gpg, now, signal }: SigningOptions,
): Promise<Signed> {
  const keys: LayoutKey[] = [];
  let signatures = kept;
  for (const owner of owners) {
    const { key } = await readNamedKey(owner, gpg, now);
    const ids = partsOf(key).map(({ keyid }) => keyid);
    try {
      const signed = await signLayout(layout, { signer: gpgSigner(owner, gpg), key, now, signal });
      signatures = [...signatures.filter(({ keyid }) => !ids.includes(keyid)), ...signed.signatures];
    } catch (error) {
      if (!(error instanceof OpenPgpError)) throw error;
      throw new CommandError(
        `owner key ${owner}: ${error.message}`,
        'Its private part has to be in this key ring (--gpg-home DIR), or behind what GNUPG names: GNUPG=qubes-gpg-client-wrapper asks the vault of QUBES_GPG_DOMAIN.',
        undefined,
        { cause: error },
      );
    }
    keys.push(key);
  }
  return { document: { signatures, signed: layout }, owners: keys };
}
