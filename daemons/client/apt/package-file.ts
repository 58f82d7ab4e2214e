import { basename, dirname, resolve } from 'node:path';
import {
  type BinaryName,
  type DebVersion,
  parseBinaryName,
  parseDebVersion,
} from '../../lib/domain/names.ts';
import { fieldOf, type Message, unquoted, utf8Of } from './message.ts';

/** A .deb that was fetched. */
export interface PackageFile {
  /** As bytes: a path need not be UTF-8. */
  readonly path: Buffer;
  /** Its name on disk, which is the one that links are compared by: `foo_1%3a1.0-1_amd64.deb`. */
  readonly fileName: string;
  readonly package: BinaryName;
  readonly version: DebVersion;
}

/** What a fetched file is to the method: something else than a package passes; a package that cannot be judged does not. */
export type Fetched = PackageFile | 'other' | Readonly<{ unjudged: string }>;

/**
 * Tells a package by the name that apt gives it on disk, `name_version_architecture.deb` with `_` and `:` quoted, as
 * apt-transport-in-toto does. That one lets every other file pass; but its name's ending, and more, comes from the
 * archive (apt-pkg/acquire-item.cc `pkgAcqArchive`): what lies where apt installs from has to be a package.
 *
 * @param done message 201
 * @param archives apt's `Dir::Cache::archives`
 */
export function fetchedFile(done: Message, archives: string): Fetched {
  const name = fieldOf(done, 'Filename');
  if (name === undefined) return { unjudged: 'nobody says where the file is' };
  const fileName = utf8Of(basename(name));
  const toBeInstalled = utf8Of(resolve(dirname(name))) === resolve(archives, 'partial');
  const parts = basename(name).split('_');
  if (!fileName.endsWith('.deb') || parts.length !== 3) {
    if (!toBeInstalled) return 'other';
    return { unjudged: `a package whose file is called ${fileName}, not name_version_architecture.deb` };
  }
  const [untrustedName, untrustedVersion] = parts.map(unquoted);
  try {
    return {
      path: Buffer.from(name, 'latin1'),
      fileName,
      package: parseBinaryName(untrustedName),
      version: parseDebVersion(untrustedVersion),
    };
  } catch (error) {
    return { unjudged: `a package whose file is called ${fileName}: ${(error as Error).message}` };
  }
}
