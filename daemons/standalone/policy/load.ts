import { readdirSync, readFileSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type Place, PolicyError, PolicySyntaxError } from './errors.ts';
import { isLegacyName, sortLegacyNames } from './legacy-names.ts';
import { type LegacyFile, type Policy, type PolicyFile, type PolicyFiles, PolicyReader } from './parse.ts';
import { byCodePoint, fileLines } from './python-text.ts';

export const maxPolicyFileBytes = 4 * 1_048_576;

export interface LoadOptions {
  /** Where `!compat-4.0` looks. */
  readonly legacyDirectory?: string;
  /** Told of every path whose change may change the policy, before it is looked at. */
  readonly onConsult?: (path: string) => void;
}

/**
 * Loads the policy files of directories: sorted by base name over all of them, of two with one name that in the earlier
 * directory (facts: policy, "Files and order").
 * @throws PolicyError of code `syntax` (a PolicySyntaxError), `file-name`, `unreadable` or `too-large`
 */
export function loadPolicy(directories: readonly string[], options: LoadOptions = {}): Policy {
  const disk = new Disk(options);
  const byName = new Map<string, string>();
  for (const directory of directories) {
    for (const path of disk.policyFiles(directory)) {
      if (!byName.has(basename(path))) byName.set(basename(path), path);
    }
  }
  const reader = new PolicyReader();
  for (const [, path] of [...byName].sort(([a], [b]) => byCodePoint(a, b))) {
    reader.read(disk.read(path), disk.below(dirname(path)));
  }
  return { rules: reader.rules };
}

class Disk {
  readonly #legacyDirectory: string;
  readonly #onConsult: (path: string) => void;

  constructor(options: LoadOptions) {
    this.#legacyDirectory = options.legacyDirectory ?? '/etc/qubes-rpc/policy';
    this.#onConsult = options.onConsult ?? (() => undefined);
  }

  /** The files of a directory that are policy, sorted. */
  policyFiles(directory: string): readonly string[] {
    const names = this.#list(directory)
      .sort(byCodePoint)
      .filter(
        (name) =>
          !name.startsWith('.') && extname(name) === '.policy' && this.#stat(join(directory, name))?.isFile(),
      );
    const odd = names.find((name) => !/^[0-9a-z_.-]+$/.test(name));
    if (odd !== undefined) throw new PolicyError('file-name', `invalid filename: ${join(directory, odd)}`);
    return names.map((name) => join(directory, name));
  }

  read(path: string, name = path): PolicyFile {
    const bytes = this.#attempt(path, () => {
      if (statSync(path).size > maxPolicyFileBytes) {
        throw new PolicyError('too-large', `${path} is larger than ${maxPolicyFileBytes} bytes`);
      }
      return readFileSync(path);
    });
    try {
      return {
        name,
        lines: fileLines(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)),
      };
    } catch (cause) {
      throw new PolicyError('unreadable', `failed to load ${path} file: it is not UTF-8`, { cause });
    }
  }

  /** What directives find when relative paths begin at a directory. */
  below(base: string): PolicyFiles {
    return {
      open: (path, from) => {
        const real = resolveAsFarAsCan(path.startsWith('/') ? path : `${base}/${path}`);
        if (!this.#stat(real)?.isFile()) throw missing('file', real, from);
        return this.read(real);
      },
      openDirectory: (path, from) => {
        const real = resolveAsFarAsCan(path.startsWith('/') ? path : `${base}/${path}`);
        if (!this.#stat(real)?.isDirectory()) throw missing('directory', real, from);
        return lazily(this.policyFiles(real), (file) => this.read(file));
      },
      legacy: () => ({ walk: this.#walkLegacy(), files: this.below(this.#legacyDirectory) }),
    };
  }

  #walkLegacy(): readonly LegacyFile[] {
    const directory = this.#legacyDirectory;
    const names = this.#list(directory).filter(
      (name) => isLegacyName(name) && this.#stat(join(directory, name))?.isFile(),
    );
    return sortLegacyNames(names).map(({ name, service, argument }) => {
      const path = join(directory, name);
      return { service, argument, name: path, path };
    });
  }

  #list(directory: string): string[] {
    return this.#attempt(directory, () => readdirSync(directory));
  }

  #stat(path: string): Stats | undefined {
    return this.#attempt(path, () => {
      try {
        return statSync(path, { throwIfNoEntry: false });
      } catch (error) {
        if (['ENOTDIR', 'ELOOP', 'ENOENT'].includes(codeOf(error))) return undefined;
        throw error;
      }
    });
  }

  #attempt<T>(path: string, act: () => T): T {
    this.#onConsult(path);
    try {
      return act();
    } catch (cause) {
      if (cause instanceof PolicyError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new PolicyError('unreadable', `failed to load ${path} file: ${why}`, { cause });
    }
  }
}

function* lazily<A, B>(items: readonly A[], open: (item: A) => B): Iterable<B> {
  for (const item of items) yield open(item);
}

function missing(what: 'file' | 'directory', path: string, from: Place): PolicySyntaxError {
  return new PolicySyntaxError(from.file, from.line, `not a ${what}: ${path}`);
}

/** The path with its links followed, as far as there is something there. */
function resolveAsFarAsCan(path: string, links = 40): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    const parent = dirname(path);
    if (codeOf(error) !== 'ENOENT' || parent === path || links === 0) return resolve(path);
    const here = resolve(resolveAsFarAsCan(parent, links), basename(path));
    const link = readLink(here);
    return link === undefined ? here : resolveAsFarAsCan(resolve(dirname(here), link), links - 1);
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
