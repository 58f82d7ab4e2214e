import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayoutKey } from '../lib/domain/layout.ts';
import type { Fingerprint } from '../lib/domain/names.ts';
import { type Ed25519Public, readEd25519Pem } from '../lib/evidence/ed25519.ts';
import { armorPublicKey, dearmor } from '../lib/openpgp/armor.ts';
import { OpenPgpError } from '../lib/openpgp/error.ts';
import { type KeyUse, readKeyUses, signingParts, signsUntil } from '../lib/openpgp/key-uses.ts';
import { readPublicKey } from '../lib/openpgp/public-key.ts';
import type { DetachedSigner } from '../lib/openpgp/sign.ts';
import { isWeak } from '../lib/openpgp/verify.ts';

/** A public key that the operator put into the attester's qube, and its file as it is published. */
export type PublicKey = Readonly<{ key: LayoutKey; armored: Buffer; uses: ReadonlyMap<string, KeyUse> }>;

/** A key that the configuration names. */
export type ConfiguredKey = PublicKey &
  Readonly<{
    /** The configuration's word for it. */
    name: string;
    fingerprint: Fingerprint;
    /** Until when a part of it can sign: wall time in milliseconds, undefined if there is no end. */
    until: number | undefined;
  }>;

/** A key that signs: the vault's half behind `signer`, ours to check with. */
export type SigningKey = ConfiguredKey &
  Readonly<{
    signer: DetachedSigner;
    /** Keys that signed before in its place, the last one first. */
    previous: readonly ConfiguredKey[];
  }>;

/** The parts of a key and its previous ones whose earlier links are kept, the latest first. */
export function believedParts(key: SigningKey): readonly LayoutKey[] {
  return [key, ...key.previous].flatMap((one) => signingParts(one.key, one.uses));
}

/** A key that is configured and cannot be used, in one line with what to do. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
  constructor(
    readonly code: 'missing' | 'unusable' | 'revoked' | 'expired',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What serves OpenPGP signatures in the vault: split GPG, or split-gpg2. */
export type OpenPgpService = 'qubes.Gpg' | 'qubes.Gpg2';

/** Reads `FOLDER/*.asc`, by the fingerprint of the primary key. The folder is made if it is not there. */
export async function readPublicKeys(folder: string): Promise<ReadonlyMap<string, PublicKey>> {
  await mkdir(folder, { recursive: true });
  const keys = new Map<string, PublicKey>();
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.asc')).sort()) {
    const path = join(folder, name);
    try {
      const packets = dearmor(await readFile(path));
      const key = readPublicKey(packets);
      keys.set(key.keyid.toUpperCase(), {
        key,
        armored: Buffer.from(armorPublicKey(packets)),
        uses: readKeyUses(packets),
      });
    } catch (error) {
      if (!(error instanceof OpenPgpError)) throw error;
      throw new KeyError('unusable', `${path}: ${error.message}`, { cause: error });
    }
  }
  return keys;
}

/**
 * The public half of the vault's key of a verdict, `FOLDER/VERDICT.pem`; undefined where the operator put none there: then
 * the vault is not asked for statements.
 */
export async function readVaultKey(folder: string, verdict: string): Promise<Ed25519Public | undefined> {
  const path = join(folder, `${verdict}.pem`);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const key = readEd25519Pem(text);
  if (key !== undefined) return key;
  throw new KeyError(
    'unusable',
    `${path}: not an Ed25519 public key; in the vault, \`vault-keys public ${verdict}\` shows it`,
  );
}

interface Configured {
  readonly name: string;
  readonly fingerprint: Fingerprint;
  readonly folder: string;
  /** What has it sign; without it any part of the key may have signed. */
  readonly by?: OpenPgpService;
}

/** The public key of a configured fingerprint that can sign at this moment so that it can be verified. */
export function usableKey(
  keys: ReadonlyMap<string, PublicKey>,
  configured: Configured & Readonly<{ now: number }>,
): ConfiguredKey {
  const key = knownKey(keys, configured);
  if (key.until === undefined || key.until >= configured.now) return key;
  throw new KeyError(
    'expired',
    `${configured.name} = ${configured.fingerprint}: the key has expired; extend it and export it again`,
  );
}

/** The public key of a configured fingerprint, expired or not, if signatures by it can be verified while it lasts. */
export function knownKey(
  keys: ReadonlyMap<string, PublicKey>,
  { name, fingerprint, folder, by }: Configured,
): ConfiguredKey {
  const what = `${name} = ${fingerprint}`;
  const found = keys.get(fingerprint);
  if (found === undefined) {
    throw new KeyError(
      'missing',
      `${what}: its public key is not in ${folder}; in the vault, \`vault-keys export ${fingerprint}\` shows it`,
    );
  }
  const { key, uses } = found;
  if (uses.get(key.keyid) === 'revoked') {
    throw new KeyError(
      'revoked',
      `${what}: the key is revoked: take it out, then \`rebuilderctl resign --signed-by ${fingerprint}\``,
    );
  }
  const subkeys = Object.values(key.subkeys ?? {});
  const another = `in the vault, \`gpg --quick-add-key ${fingerprint} rsa3072 sign\` makes one: export the key again then`;
  if (by === 'qubes.Gpg2' && !subkeys.some((part) => part.type === 'rsa')) {
    throw new KeyError(
      'unusable',
      `${what}: split-gpg2 signs with a subkey alone, and this key has none of RSA that can sign; ${another}`,
    );
  }
  const [first, ...more] = signingParts(key, uses).filter((part) => by !== 'qubes.Gpg2' || part !== key);
  if (first === undefined)
    throw new KeyError('unusable', `${what}: no part of it may sign that in-toto knows; ${another}`);
  if ([first, ...more].some(isWeak)) throw new KeyError('unusable', `${what}: RSA of less than 2048 bits`);
  return { ...found, name, fingerprint, until: signsUntil(key, [first, ...more]) };
}
