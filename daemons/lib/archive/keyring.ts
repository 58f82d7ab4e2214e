import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isOfDistribution } from '../domain/distribution.ts';
import { ArchiveError } from './errors.ts';

/** Public keys that may sign an archive: a file, binary or armored, or the armored text itself. */
export type Keyring = Readonly<{ file: string } | { armored: string }>;

/** Where Debian's own package of archive keys puts them, by its age. */
const debianFiles = [
  '/usr/share/keyrings/debian-archive-keyring.pgp',
  '/usr/share/keyrings/debian-archive-keyring.gpg',
];

/** The keys of Debian's archive, if this machine has them: they sign what is Debian's alone. */
export function debianKeyrings(): readonly Keyring[] {
  return debianFiles
    .filter((path) => existsSync(path))
    .slice(0, 1)
    .map((file) => ({ file }));
}

/** The keyrings that an operator named for a suite's distribution: a key vouches for no other. */
export function keyringsNamedFor(
  suite: string,
  named: readonly Readonly<{ suite: string; file: string }>[],
): readonly Keyring[] {
  return named.filter((one) => isOfDistribution(suite, one.suite)).map(({ file }) => ({ file }));
}

const maxKeyringBytes = 16 * 1_048_576;
const armorBegin = '-----BEGIN PGP PUBLIC KEY BLOCK-----';
const armorEnd = '-----END PGP PUBLIC KEY BLOCK-----';

/**
 * Paths of keyrings as gpgv reads them, which takes no armor: armored ones are written to `folder` in binary.
 *
 * @throws ArchiveError `no-key` if one cannot be read or holds no key
 */
export async function prepareKeyrings(
  keyrings: readonly Keyring[],
  folder: string,
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const [index, keyring] of keyrings.entries()) {
    const bytes = 'file' in keyring ? await readKeyring(keyring.file) : Buffer.from(keyring.armored);
    const armored = bytes.subarray(0, 65_536).includes(armorBegin);
    if (!armored && 'file' in keyring) {
      paths.push(keyring.file);
      continue;
    }
    const path = join(folder, `keyring-${index}.gpg`);
    await writeFile(path, dearmor(bytes.toString('latin1')));
    paths.push(path);
  }
  if (paths.length === 0) throw new ArchiveError('no-key', 'no keyring is configured for this archive');
  return paths;
}

async function readKeyring(file: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new ArchiveError('no-key', `keyring ${file} cannot be read`, { cause });
  }
  if (bytes.length === 0 || bytes.length > maxKeyringBytes) {
    throw new ArchiveError('no-key', `keyring ${file} is ${bytes.length === 0 ? 'empty' : 'too large'}`);
  }
  return bytes;
}

/** The binary of every armored key block in a text: RFC 9580, 6.2. Checksums are left to gpgv's own parsing. */
export function dearmor(text: string): Buffer {
  const blocks: Buffer[] = [];
  for (let at = text.indexOf(armorBegin); at >= 0; ) {
    const end = text.indexOf(armorEnd, at);
    if (end < 0) throw new ArchiveError('no-key', 'an armored key block has no end');
    const lines = text.slice(at + armorBegin.length, end).split('\n');
    const body = lines.slice(1).map((line) => line.trim());
    const blank = body.indexOf('');
    const data = body.slice(blank + 1).filter((line) => !line.startsWith('='));
    blocks.push(Buffer.from(data.join(''), 'base64'));
    at = text.indexOf(armorBegin, end);
  }
  const bytes = Buffer.concat(blocks);
  if (bytes.length === 0) throw new ArchiveError('no-key', 'no armored key block');
  return bytes;
}
