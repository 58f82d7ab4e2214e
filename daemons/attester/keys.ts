import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayoutKey } from '../lib/domain/layout.ts';
import { partsOf } from '../lib/domain/layout-key.ts';
import type { Fingerprint } from '../lib/domain/names.ts';
import { type Ed25519Public, readEd25519Pem } from '../lib/evidence/ed25519.ts';
import { armorPublicKey, dearmor } from '../lib/openpgp/armor.ts';
import { OpenPgpError } from '../lib/openpgp/error.ts';
import {
  endOf,
  type KeyPart,
  readKeyParts,
  signingPartOf,
  signingParts,
  signsUntil,
} from '../lib/openpgp/key-uses.ts';
import { readPublicKey } from '../lib/openpgp/public-key.ts';
import type { DetachedSigner } from '../lib/openpgp/sign.ts';
import { isWeak } from '../lib/openpgp/verify.ts';

/** A public key that the operator put into the attester's qube, and its file as it is published. */
export type PublicKey = Readonly<{ key: LayoutKey; armored: Buffer; parts: readonly KeyPart[] }>;

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
  return [key, ...key.previous].flatMap((one) => signingParts(one.key, one.parts));
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

const another = 'in the vault, `rebuilder-keys make NAME` makes one that can be used';

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
        parts: readKeyParts(packets),
      });
    } catch (error) {
      if (!(error instanceof OpenPgpError)) throw error;
      const remedy = error.code === 'unsupported' ? `; ${another}` : '';
      throw new KeyError('unusable', `${path}: ${error.message}${remedy}`, { cause: error });
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
    `${path}: not an Ed25519 public key; in the vault, \`rebuilder-keys public ${verdict}\` shows it`,
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
  configured: Configured & Readonly<{ by: OpenPgpService; now: number }>,
): ConfiguredKey {
  const { name, fingerprint, by, now } = configured;
  const found = knownKey(keys, configured);
  const { key, parts, until } = found;
  if (until === undefined || until >= now) return found;
  const lasting = partsFor(found, by).some((part) => part === key || endOf(part, parts) >= now);
  const commands = [
    ...(endOf(key, parts) < now ? [`gpg --quick-set-expire ${fingerprint} 2y`] : []),
    // Whoever has the subkey already would not know it with another end (facts: in-toto §4).
    ...(lasting ? [] : [newSubkey(fingerprint)]),
  ];
  throw new KeyError('expired', `${name} = ${fingerprint}: the key has expired; ${inTheVault(commands)}`);
}

/**
 * Whom gpg is told to sign as at this moment: the key, where it would choose a part of it that in-toto knows, or else the
 * newest such part by name. gpg takes the newest that signs, and for an Ed25519 subkey nobody could verify the link.
 */
export function signAs(key: ConfiguredKey, by: OpenPgpService, now: number): string {
  const chosen = signingPartOf(key.parts, now);
  const lasting = partsFor(key, by).filter((part) => signsUntil(key.key, key.parts, part) >= now);
  const [newest] = lasting;
  if (newest === undefined || lasting.some((part) => part.keyid === chosen)) return key.fingerprint;
  return `${newest.keyid.toUpperCase()}!`;
}

/** The parts that can sign there so that in-toto knows it, the newest first: split-gpg2 has no primary key. */
function partsFor({ key, parts }: PublicKey, by: OpenPgpService | undefined): readonly LayoutKey[] {
  return signingParts(key, parts)
    .filter((part) => by !== 'qubes.Gpg2' || part !== key)
    .sort((a, b) => (b.creation_time ?? 0) - (a.creation_time ?? 0));
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
      `${what}: its public key is not in ${folder}; in the vault, \`rebuilder-keys export ${fingerprint}\` shows it`,
    );
  }
  const { key, parts } = found;
  const leave = `take it out, then \`rebuilderctl resign --signed-by ${fingerprint}\``;
  const remedy = by === undefined ? leave : another;
  if (parts[0]?.use === 'revoked') throw new KeyError('revoked', `${what}: the key is revoked: ${leave}`);
  // Whatever a layout knows of it, it believes.
  if (partsOf(key).some(isWeak)) {
    throw new KeyError('unusable', `${what}: RSA of less than 2048 bits; ${remedy}`);
  }
  const signing = partsFor(found, by);
  if (signing.length === 0) {
    const without =
      by === 'qubes.Gpg2'
        ? 'split-gpg2 signs with a subkey alone, and this key has none that may sign and that in-toto knows'
        : 'no part of it may sign that in-toto knows';
    // Nothing that an Ed25519 primary key binds is a subkey to in-toto.
    const next = key.type === 'rsa' && by !== undefined ? inTheVault([newSubkey(fingerprint)]) : remedy;
    throw new KeyError('unusable', `${what}: ${without}; ${next}`);
  }
  const until = Math.max(...signing.map((part) => signsUntil(key, parts, part)));
  return { ...found, name, fingerprint, until: Number.isFinite(until) ? until : undefined };
}

function newSubkey(fingerprint: Fingerprint): string {
  return `gpg --batch --passphrase '' --quick-add-key ${fingerprint} rsa3072 sign 2y`;
}

function inTheVault(commands: readonly string[]): string {
  return `in the vault, ${commands.map((one) => `\`${one}\``).join(' and ')}: export the key again then`;
}
