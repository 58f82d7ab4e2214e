import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ProgramError, run } from '../../lib/daemon/program.ts';
import { nameOnDisk } from '../../lib/domain/link.ts';
import {
  type Architecture,
  type BinaryName,
  type DebVersion,
  NameError,
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parseSha256,
  parseSourceName,
  type Sha256,
  type SourceName,
  withoutEpoch,
} from '../../lib/domain/names.ts';
import { VerifyError } from './errors.ts';

/** A binary package as it lies on disk: what its own control file says, and its bytes. */
export interface PackageFile {
  readonly path: string;
  readonly package: BinaryName;
  readonly version: DebVersion;
  readonly architecture: Architecture;
  readonly source: SourceName;
  readonly sourceVersion: DebVersion;
  readonly sha256: Sha256;
  /** The name that apt would give it: links are searched for it. */
  readonly name: string;
  /** Other names under which links may list it: the file's own, and the pool's, which has no epoch. */
  readonly otherNames: readonly string[];
}

const timeoutMs = 60_000;
/** `NAME_VERSION_ARCHITECTURE.deb`, the version perhaps without its epoch. */
const packageName = /^([a-z0-9][a-z0-9+.-]+)_([0-9][^_]*)_([a-z0-9-]+)\.u?deb$/;
const maxFields = 65_536;

/** @throws VerifyError `package-unreadable` */
export async function readPackageFile(path: string): Promise<PackageFile> {
  const [fields, sha256] = await Promise.all([readFields(path), hashOf(path)]);
  const name = nameOnDisk(fields);
  const pool = nameOnDisk({ ...fields, version: parseDebVersion(withoutEpoch(fields.version)) });
  const otherNames = [...new Set([basename(path), pool])].filter((one) => one !== name);
  return { path, ...fields, sha256, name, otherNames };
}

/**
 * What a file is called that has the name of another package, version or architecture than it is of: whoever looks for
 * this package was handed another one. A name of another form claims nothing.
 */
export function falseName({ path, package: name, version, architecture }: PackageFile): string | undefined {
  const called = basename(path);
  // apt escapes an epoch's colon, servers and browsers other characters as well.
  const plain = called.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const [, ...claimed] = packageName.exec(plain) ?? [];
  if (claimed.length === 0) return undefined;
  const own = [version, withoutEpoch(version)].map((one) => [name, one, architecture].join('_'));
  return own.includes(claimed.join('_')) ? undefined : called;
}

type Fields = Pick<PackageFile, 'package' | 'version' | 'architecture' | 'source' | 'sourceVersion'>;

/** dpkg knows every compression that a .deb may have. */
async function readFields(path: string): Promise<Fields> {
  try {
    const args = ['--field', resolve(path), 'Package', 'Version', 'Architecture', 'Source'];
    const { stdout } = await run('dpkg-deb', args, { timeoutMs, maxOutput: maxFields });
    const untrusted = new Map(
      stdout
        .toString('utf8')
        .split('\n')
        .map((line) => [
          line.split(':', 1)[0]?.toLowerCase() ?? '',
          line.replace(/^[^:]*:\s*/, '').trimEnd(),
        ]),
    );
    const [, source = untrusted.get('package'), sourceVersion = untrusted.get('version')] =
      /^(\S+)(?: \(([^)]+)\))?$/.exec(untrusted.get('source') ?? '') ?? [];
    return {
      package: parseBinaryName(untrusted.get('package')),
      version: parseDebVersion(untrusted.get('version')),
      architecture: parseArchitecture(untrusted.get('architecture')),
      source: parseSourceName(source),
      sourceVersion: parseDebVersion(sourceVersion),
    };
  } catch (cause) {
    if (cause instanceof ProgramError && cause.code === 'missing') {
      throw new VerifyError('package-unreadable', 'dpkg-deb is needed to read a package: install dpkg', {
        cause,
      });
    }
    if (!(cause instanceof ProgramError || cause instanceof NameError)) throw cause;
    throw new VerifyError('package-unreadable', `${path}: not a binary package: ${cause.message}`, { cause });
  }
}

export async function hashOf(path: string): Promise<Sha256> {
  const hash = createHash('sha256');
  try {
    // Opening a pipe that nobody writes to cannot be interrupted.
    if (!(await stat(path)).isFile()) throw Object.assign(new Error('not a file'), { code: 'not a file' });
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new VerifyError('package-unreadable', `${path}: cannot be read (${reason})`, { cause });
  }
  return parseSha256(hash.digest('hex'));
}
