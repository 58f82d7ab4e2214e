import { stat } from 'node:fs/promises';
import { type SignedRelease, verifyDetached, verifyInRelease } from '../archive/inrelease.ts';
import type { Keyring } from '../archive/keyring.ts';
import { maxReleaseBytes } from '../archive/release.ts';
import type { Clock } from '../daemon/clock.ts';
import { Recent } from '../daemon/recent.ts';
import type { Sha256 } from '../domain/names.ts';

const maxSignatureBytes = 1_048_576;
const mostKept = 16;
/** A key that expires meanwhile is not believed for longer. */
const keptMs = 600_000;

/** An InRelease, whole, or a Release with its detached signature, by their hashes. */
export type ReleaseName = Readonly<{ release: Sha256; signature: Sha256 | null }>;

/** What verifying needs besides the name. */
export type VerifyParts = Readonly<{
  keyrings: readonly Keyring[];
  /** Reads a small object, its hash checked. */
  objects: Readonly<{ read(sha256: Sha256, max: number): Promise<Buffer> }>;
  signal?: AbortSignal;
}>;

/** A file of the object store. */
export type SignedFile = Readonly<{ sha256: Sha256; content: Buffer }>;

/** A Release that is to be believed: an InRelease, whole, or the Release of `signature`. */
export type VerifiedRelease = Readonly<{
  file: SignedFile;
  signature: SignedFile | null;
  signed: SignedRelease;
}>;

/** @throws ArchiveError */
export async function verifyRelease(name: ReleaseName, parts: VerifyParts): Promise<VerifiedRelease> {
  const { keyrings, objects, signal } = parts;
  const more = signal === undefined ? {} : { signal };
  const read = async (sha256: Sha256, max: number) => ({ sha256, content: await objects.read(sha256, max) });
  const file = await read(name.release, maxReleaseBytes);
  if (name.signature === null) {
    return { file, signature: null, signed: await verifyInRelease(file.content, keyrings, more) };
  }
  const signature = await read(name.signature, maxSignatureBytes);
  const signed = await verifyDetached(file.content, signature.content, keyrings, more);
  return { file, signature, signed };
}

/** Releases that were verified lately, by the same keys: thousands of builds rest on one, and each time it is a gpgv. */
export class KnownReleases {
  readonly #clock: Clock;
  readonly #known = new Recent<string, Readonly<{ verified: VerifiedRelease; until: number }>>(mostKept);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws ArchiveError */
  async verify(name: ReleaseName, parts: VerifyParts): Promise<VerifiedRelease> {
    const keys = await Promise.all(parts.keyrings.map(identityOf));
    const key = JSON.stringify([name.release, name.signature, keys]);
    const known = this.#known.get(key);
    if (known !== undefined && this.#clock.monotonic() < known.until) return known.verified;
    const verified = await verifyRelease(name, parts);
    this.#known.set(key, { verified, until: this.#clock.monotonic() + keptMs });
    return verified;
  }
}

/** Another one when a keyring's file was changed or replaced. */
async function identityOf(keyring: Keyring): Promise<unknown> {
  if ('armored' in keyring) return keyring.armored;
  const found = await stat(keyring.file, { bigint: true }).catch(() => undefined);
  return [keyring.file, found && [found.ino, found.size, found.mtimeNs, found.ctimeNs].map(String)];
}
