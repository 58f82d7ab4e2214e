import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An npm module that a package holds, as package-lock.json names it. */
export interface Module {
  /** Relative to the project, `node_modules/NAME`; a module inside another by its whole path. */
  readonly path: string;
  readonly version: string;
  /** By its SPDX identifier. */
  readonly license: string;
  /** `NAME <ADDRESS>`, where its package.json says. */
  readonly author: string | undefined;
}

interface Locked {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The npm modules of the packages: what the project's lock file says, as it is installed there. */
export class Modules {
  readonly #lock: Readonly<Record<string, Locked>>;

  constructor(readonly root: string) {
    this.#lock = this.#read('package-lock.json').packages;
  }

  /** Those in the product's bundles, as `node tools/bundle.js` saw them last. */
  bundled(): readonly Module[] {
    return this.#read('build/bundled-modules.json').map((path: string) => this.#module(path));
  }

  /** libsql, which is native code and so no part of a bundle, for the C library of Debian and Fedora. */
  loaded(): readonly Module[] {
    return this.#closure('libsql').filter(({ path }) => !path.includes('-musl'));
  }

  /** What bundles, on this machine's architecture. */
  building(): readonly Module[] {
    return this.#closure('esbuild');
  }

  /** A module and what it depends on, as far as this machine's platform has it. */
  #closure(name: string): readonly Module[] {
    const found = new Set<string>();
    const waiting = [name];
    for (const next of waiting) {
      const path = `node_modules/${next}`;
      if (found.has(path) || !existsSync(join(this.root, path))) continue;
      found.add(path);
      const { dependencies, optionalDependencies } = this.#lock[path] ?? {};
      waiting.push(...Object.keys({ ...dependencies, ...optionalDependencies }));
    }
    return [...found].sort().map((path) => this.#module(path));
  }

  #module(path: string): Module {
    const { version, license, author } = this.#read(join(path, 'package.json'));
    const locked = this.#lock[path]?.version;
    if (version !== locked) {
      throw new Error(`${path}: found ${version}, expected ${locked} of package-lock.json: run npm ci`);
    }
    return { path, version, license, author: typeof author === 'object' ? author.name : author };
  }

  #read(path: string) {
    return JSON.parse(readFileSync(join(this.root, path), 'utf8'));
  }
}
