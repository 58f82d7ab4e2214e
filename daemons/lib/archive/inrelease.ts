import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgramError, run } from '../daemon/program.ts';
import { type Fingerprint, parseFingerprint } from '../domain/names.ts';
import { ArchiveError } from './errors.ts';
import { type Keyring, prepareKeyrings } from './keyring.ts';
import { maxReleaseBytes, parseRelease, type Release } from './release.ts';

/** A Release whose signature holds. `signedBy` are the primary keys of all good signatures. */
export type SignedRelease = Readonly<{ release: Release; text: Buffer; signedBy: readonly Fingerprint[] }>;

export type VerifyOptions = Readonly<{
  /** Only these keys count, by the fingerprint of the primary key, or of the very subkey with a `!` behind it. */
  fingerprints?: readonly string[];
  signal?: AbortSignal;
}>;

const maxSignatureBytes = 1_048_576;
const gpgvTimeoutMs = 60_000;

/**
 * Verifies an InRelease as apt does: `gpgv` decides, one good signature by a key of the keyrings suffices whatever
 * unknown keys signed besides, a bad one by a known key is fatal. What is read is what gpgv says was signed, and the
 * file must hold nothing else. Dates are the caller's to check (`checkDates`).
 *
 * @throws ArchiveError `unsigned`, `bad-signature`, `no-key`, `expired` (key or signature), `malformed`, `too-large`
 */
export async function verifyInRelease(
  inRelease: Uint8Array,
  keyrings: readonly Keyring[],
  options: VerifyOptions = {},
): Promise<SignedRelease> {
  if (inRelease.length > maxReleaseBytes) throw new ArchiveError('too-large', 'InRelease is too large');
  checkClearsigned(Buffer.from(inRelease).toString('latin1'));
  return await inFolder(async (folder) => {
    const file = join(folder, 'InRelease');
    const plain = join(folder, 'Release');
    await writeFile(file, inRelease);
    const signedBy = await gpgv(['--output', plain, file], keyrings, folder, options);
    const text = await readFile(plain);
    return { release: parseRelease(text), text, signedBy };
  });
}

/** Verifies a Release by its detached signature, as `verifyInRelease` does the clearsigned form. */
export async function verifyDetached(
  release: Uint8Array,
  signature: Uint8Array,
  keyrings: readonly Keyring[],
  options: VerifyOptions = {},
): Promise<SignedRelease> {
  if (release.length > maxReleaseBytes) throw new ArchiveError('too-large', 'Release is too large');
  if (signature.length > maxSignatureBytes) throw new ArchiveError('too-large', 'Release.gpg is too large');
  return await inFolder(async (folder) => {
    const file = join(folder, 'Release');
    const signed = join(folder, 'Release.gpg');
    await writeFile(file, release);
    await writeFile(signed, signature);
    const signedBy = await gpgv([signed, file], keyrings, folder, options);
    return { release: parseRelease(release), text: Buffer.from(release), signedBy };
  });
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'package-rebuilder-gpgv-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One clearsigned message from the first byte to the last: nothing unsigned may be read with it. */
function checkClearsigned(text: string): void {
  const begin = '-----BEGIN PGP SIGNED MESSAGE-----';
  if (!/^-----BEGIN PGP SIGNED MESSAGE-----\r?\n/.test(text)) {
    throw new ArchiveError('unsigned', 'InRelease holds no clearsigned message');
  }
  const markers = text.match(/^-----(?:BEGIN|END) PGP [A-Z ]+-----[ \t]*\r?$/gm) ?? [];
  const expected = [begin, '-----BEGIN PGP SIGNATURE-----', '-----END PGP SIGNATURE-----'];
  const found = markers.map((marker) => marker.trim());
  if (found.join() !== expected.join() || !/-----END PGP SIGNATURE-----\s*$/.test(text)) {
    throw new ArchiveError('malformed', 'InRelease is not exactly one clearsigned message');
  }
}

async function gpgv(
  args: readonly string[],
  keyrings: readonly Keyring[],
  folder: string,
  options: VerifyOptions,
): Promise<readonly Fingerprint[]> {
  const prepared = await prepareKeyrings(keyrings, folder);
  const trusted = prepared.flatMap((path) => ['--keyring', path]);
  try {
    const { stdout } = await run('gpgv', ['--quiet', '--status-fd', '1', ...trusted, ...args], {
      timeoutMs: gpgvTimeoutMs,
      env: { GNUPGHOME: folder },
      expectCodes: [0, 1, 2],
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    return judge(stdout.toString('utf8'), options.fingerprints);
  } catch (cause) {
    if (!(cause instanceof ProgramError)) throw cause;
    throw new ArchiveError('no-key', `no signature can be checked: ${cause.message}`, { cause });
  }
}

/** What gpgv said of one signature: gnupg's doc/DETAILS, "Format of the --status-fd output". */
interface Signature {
  state: 'good' | 'bad' | 'key-expired' | 'expired' | 'revoked' | 'no-key' | 'error';
  key: string;
  primary?: string;
  signing?: string;
  hash?: number;
}

const states: Readonly<Record<string, Signature['state']>> = {
  GOODSIG: 'good',
  BADSIG: 'bad',
  EXPKEYSIG: 'key-expired',
  EXPSIG: 'expired',
  REVKEYSIG: 'revoked',
};

/** RFC 9580, 9.5: MD5, SHA-1 and RIPEMD-160 prove nothing any more. */
const weakHashes: ReadonlySet<number> = new Set([1, 2, 3]);

function judge(status: string, fingerprints: readonly string[] | undefined): readonly Fingerprint[] {
  const signatures: Signature[] = [];
  for (const line of status.split('\n')) {
    if (!line.startsWith('[GNUPG:] ')) continue;
    const [word = '', ...rest] = line.slice('[GNUPG:] '.length).split(' ');
    const state = states[word];
    if (state !== undefined) signatures.push({ state, key: rest[0] ?? '' });
    if (word === 'ERRSIG') {
      signatures.push({ state: rest[5] === '9' ? 'no-key' : 'error', key: rest[0] ?? '' });
    }
    const last = signatures.at(-1);
    if (word === 'VALIDSIG' && last !== undefined) {
      last.signing = rest[0] ?? '';
      last.hash = Number(rest[7]);
      last.primary = rest[9] ?? rest[0] ?? '';
    }
  }
  const bad = signatures.find((signature) => signature.state === 'bad');
  if (bad !== undefined) throw new ArchiveError('bad-signature', `a signature by key ${bad.key} is bad`);
  const good = signatures.filter(
    (signature) =>
      signature.state === 'good' &&
      signature.primary !== undefined &&
      !weakHashes.has(signature.hash ?? 1) &&
      isAllowed(signature, fingerprints),
  );
  if (good.length > 0) {
    return [...new Set(good.map((signature) => parseFingerprint(signature.primary)))];
  }
  throw refusal(signatures);
}

function isAllowed(signature: Signature, fingerprints: readonly string[] | undefined): boolean {
  if (fingerprints === undefined) return true;
  return fingerprints.some((text) => {
    const wanted = text.toUpperCase();
    return wanted === signature.primary || wanted === `${signature.signing}!` || wanted === signature.signing;
  });
}

function refusal(signatures: readonly Signature[]): ArchiveError {
  const keys = (state: Signature['state']) =>
    signatures.filter((signature) => signature.state === state).map((signature) => signature.key);
  if (signatures.length === 0) return new ArchiveError('unsigned', 'there is no signature');
  const expired = keys('key-expired');
  if (expired.length > 0) return new ArchiveError('expired', `the signing key ${expired[0]} has expired`);
  const old = keys('expired');
  if (old.length > 0) return new ArchiveError('expired', `the signature by key ${old[0]} has expired`);
  const revoked = keys('revoked');
  if (revoked.length > 0) return new ArchiveError('no-key', `the signing key ${revoked[0]} was revoked`);
  const weak = keys('good');
  if (weak.length > 0) {
    return new ArchiveError('no-key', `key ${weak[0]} may not sign this archive, or signed with a weak hash`);
  }
  return new ArchiveError(
    'no-key',
    `no trusted key signed it (keys ${keys('no-key').join(', ') || 'unknown'})`,
  );
}
