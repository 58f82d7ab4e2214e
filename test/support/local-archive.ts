import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type GnuPg, openGnuPg } from './gnupg.ts';

/**
 * A small signed Debian archive in a folder of its own, made by dpkg-deb, dpkg-source, apt-ftparchive and gpg. Add
 * packages, publish, and serve `root` by `file:` or with `serveArchive`. Publishing again re-makes and re-signs all.
 */

export interface BinarySpec {
  readonly package: string;
  readonly version: string;
  /** `amd64` unless told. */
  readonly architecture?: string;
  /** As the Source field writes it: `name` or `name (version)`. */
  readonly source?: string;
  /** More control fields: `Depends`, `Essential`, `Provides`, `Multi-Arch`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Files inside, by path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

export interface SourceSpec {
  readonly source: string;
  readonly version: string;
  /** The tree, by path; debian/control, debian/changelog and debian/rules get small working defaults. */
  readonly files?: Readonly<Record<string, string>>;
  /** More fields of the source stanza of debian/control: `Build-Depends`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Binary stanzas of debian/control: name and architecture; one `all` of the source's name unless told. */
  readonly binaries?: readonly Readonly<{ package: string; architecture: string }>[];
}

export interface PublishOptions {
  /** `none`: no InRelease at all. `unsigned`: an InRelease without a signature. */
  readonly signature?: 'good' | 'other-key' | 'expired-key' | 'both' | 'unsigned' | 'none';
  /** As the field writes it, such as `Sat, 11 Jul 2026 10:16:37 UTC`; now unless told. */
  readonly date?: string;
  readonly validUntil?: string;
  /** Changes the Release before it is signed. */
  readonly edit?: (release: string) => string;
  /** Changes the index of packages. */
  readonly editPackages?: (packages: string) => string;
  /** Which forms of the indexes there are; `.xz` and plain unless told. */
  readonly forms?: readonly ('' | '.xz' | '.gz' | '.zst')[];
}

export interface ArchiveOptions {
  readonly codename?: string;
  readonly suite?: string;
  readonly origin?: string;
  readonly component?: string;
  readonly architecture?: string;
  readonly byHash?: boolean;
}

type MadeFile = Readonly<{ name: string; content: Buffer }>;
const made = new Map<string, readonly MadeFile[]>();

/** The files that `make` names, from its folder; made once for each key: tests often begin with the same packages. */
function madeOnce(key: string, make: (work: string) => readonly string[]): readonly MadeFile[] {
  const known = made.get(key);
  if (known !== undefined) return known;
  const work = mkdtempSync(join(tmpdir(), 'made-'));
  try {
    const files = make(work).map((name) => ({ name, content: readFileSync(join(work, name)) }));
    made.set(key, files);
    return files;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function makeBinary(spec: BinarySpec, architecture: string, to: string): void {
  const tree = `${to}.tree`;
  const control = {
    Package: spec.package,
    ...(spec.source === undefined ? {} : { Source: spec.source }),
    Version: spec.version,
    Architecture: architecture,
    Maintainer: 'Nobody <nobody@example.org>',
    Description: 'a package of a test',
    ...spec.fields,
  };
  const text = Object.entries(control).map(([name, value]) => `${name}: ${value}\n`);
  writeTree(tree, { 'DEBIAN/control': text.join(''), ...spec.files });
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', tree, to], { stdio: 'pipe' });
}

function makeSource(spec: SourceSpec, work: string): void {
  const upstream = /^(?:\d+:)?(.+)-[^-]+$/.exec(spec.version)?.[1];
  const folder = `${spec.source}-${upstream ?? spec.version.replace(/^\d+:/, '')}`;
  const tree = join(work, folder);
  writeTree(tree, { ...defaultSource(spec), ...spec.files });
  execFileSync('chmod', ['755', join(tree, 'debian/rules')]);
  if (upstream !== undefined) {
    const orig = `${spec.source}_${upstream}.orig.tar.gz`;
    execFileSync('tar', ['--create', '--gzip', '--file', orig, '--exclude=debian', folder], { cwd: work });
  }
  execFileSync('dpkg-source', ['--build', tree], { cwd: work, stdio: 'pipe' });
}

function filesOfDsc(dsc: string): readonly string[] {
  const listed = /^Checksums-Sha256:\s*\n((?: .*\n?)+)/m.exec(dsc)?.[1]?.trim().split('\n') ?? [];
  return listed.map((line) => line.trim().split(/\s+/)[2] ?? '');
}

export class LocalArchive {
  readonly root: string;
  readonly codename: string;
  readonly component: string;
  readonly architecture: string;
  readonly #options: ArchiveOptions;
  readonly #gnupg: GnuPg;
  readonly #goodKey: string;
  #otherKey: string | undefined;

  constructor(options: ArchiveOptions = {}) {
    this.#options = options;
    this.codename = options.codename ?? 'testing-local';
    this.component = options.component ?? 'main';
    this.architecture = options.architecture ?? 'amd64';
    this.root = mkdtempSync(join(tmpdir(), 'archive-'));
    this.#gnupg = openGnuPg();
    this.#goodKey = this.#gnupg.makeKey('Local Archive <archive@example.org>', 'ed25519');
    writeFileSync(this.keyring, this.#gnupg.exportKey(this.#goodKey));
  }

  /** The public key, binary, as `Signed-By` names it. */
  get keyring(): string {
    return join(this.root, 'keyring.gpg');
  }

  get fingerprint(): string {
    return this.#goodKey;
  }

  /** The public key, armored. */
  armoredKey(): string {
    return this.#gnupg.gpg(['--armor', '--export', this.#goodKey]).toString();
  }

  /** The line of sources.list that reads this archive at `uri` (of a server, or its folder). */
  line(uri: string = `file:${this.root}`): string {
    return `deb [signed-by=${this.keyring}] ${uri} ${this.codename} ${this.component}`;
  }

  /** Makes a .deb and puts it into the pool; returns its path relative to the root. */
  addBinary(spec: BinarySpec): string {
    const architecture = spec.architecture ?? this.architecture;
    const name = `${spec.package}_${spec.version.replace(/^\d+:/, '')}_${architecture}.deb`;
    const files = madeOnce(`deb ${architecture} ${JSON.stringify(spec)}`, (work) => {
      makeBinary(spec, architecture, join(work, name));
      return [name];
    });
    return this.#intoPool(spec.source?.split(' ')[0] ?? spec.package, files);
  }

  /**
   * Makes a source package, native or, if its version has a revision, with an .orig tarball, and puts it into the pool;
   * returns the .dsc's path relative to the root.
   */
  addSource(spec: SourceSpec): string {
    const files = madeOnce(`source ${JSON.stringify(spec)}`, (work) => {
      makeSource(spec, work);
      const dsc = `${spec.source}_${spec.version.replace(/^\d+:/, '')}.dsc`;
      return [dsc, ...filesOfDsc(readFileSync(join(work, dsc), 'utf8'))];
    });
    return this.#intoPool(spec.source, files);
  }

  /** Copies a source package that exists, the .dsc and what it lists, into the pool. */
  addSourceFiles(dscPath: string): string {
    const dsc = readFileSync(dscPath, 'utf8');
    const source = /^Source: (\S+)$/m.exec(dsc)?.[1] ?? 'unknown';
    for (const name of [basename(dscPath), ...filesOfDsc(dsc)]) {
      this.#copyToPool(source, join(dirname(dscPath), name));
    }
    return join(this.#pool(source), basename(dscPath));
  }

  /** Copies a .deb that exists into the pool. */
  addDeb(path: string): string {
    const source = execFileSync('dpkg-deb', ['--field', path, 'Source'], { encoding: 'utf8' });
    const name = execFileSync('dpkg-deb', ['--field', path, 'Package'], { encoding: 'utf8' });
    return this.#copyToPool((source || name).trim().split(' ')[0] ?? 'unknown', path);
  }

  /** Makes the indexes of everything in the pool, the Release, and its signature. */
  publish(options: PublishOptions = {}): void {
    const suite = join(this.root, 'dists', this.codename);
    rmSync(suite, { recursive: true, force: true });
    const folders = {
      Packages: `${this.component}/binary-${this.architecture}`,
      Sources: `${this.component}/source`,
    };
    for (const [name, folder] of Object.entries(folders)) {
      mkdirSync(join(suite, folder), { recursive: true });
      const text = execFileSync('apt-ftparchive', [name.toLowerCase(), 'pool'], {
        cwd: this.root,
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const plain = join(suite, folder, name);
      const edited = name === 'Packages' ? options.editPackages?.(text) : undefined;
      writeFileSync(plain, edited ?? text);
      for (const form of options.forms ?? ['', '.xz']) compress(plain, form);
      if (options.forms !== undefined && !options.forms.includes('')) rmSync(plain);
    }
    const release = this.#release(suite, options);
    if (this.#options.byHash !== false) linkByHash(suite, release);
    writeFileSync(join(suite, 'Release'), release);
    if (options.signature !== 'none') writeFileSync(join(suite, 'InRelease'), this.#sign(release, options));
  }

  remove(): void {
    this.#gnupg.remove();
    rmSync(this.root, { recursive: true, force: true });
  }

  #pool(source: string): string {
    const letter = source.startsWith('lib') ? source.slice(0, 4) : source.slice(0, 1);
    return `pool/${this.component}/${letter}/${source}`;
  }

  /** Returns the first one's path. */
  #intoPool(source: string, files: readonly MadeFile[]): string {
    mkdirSync(join(this.root, this.#pool(source)), { recursive: true });
    for (const { name, content } of files) writeFileSync(join(this.root, this.#pool(source), name), content);
    return join(this.#pool(source), files[0]?.name ?? '');
  }

  #copyToPool(source: string, path: string): string {
    const to = join(this.#pool(source), basename(path));
    mkdirSync(join(this.root, dirname(to)), { recursive: true });
    copyFileSync(path, join(this.root, to));
    return to;
  }

  #release(suite: string, options: PublishOptions): string {
    const field = (name: string, value: string) => ['-o', `APT::FTPArchive::Release::${name}=${value}`];
    const text = execFileSync(
      'apt-ftparchive',
      [
        ...field('Origin', this.#options.origin ?? 'Local'),
        ...field('Suite', this.#options.suite ?? this.codename),
        ...field('Codename', this.codename),
        ...field('Architectures', this.architecture),
        ...field('Components', this.component),
        ...(this.#options.byHash === false ? [] : field('Acquire-By-Hash', 'yes')),
        'release',
        suite,
      ],
      { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const dated = options.date === undefined ? text : text.replace(/^Date: .*$/m, `Date: ${options.date}`);
    const until = options.validUntil === undefined ? '' : `\nValid-Until: ${options.validUntil}`;
    const bounded = dated.replace(/^Date: .*$/m, `$&${until}`);
    return options.edit === undefined ? bounded : options.edit(bounded);
  }

  #sign(release: string, options: PublishOptions): string | Buffer {
    const clearsign = (keys: readonly string[], more: readonly string[] = []) => {
      const users = keys.flatMap((key) => ['--local-user', `${key}!`]);
      return this.#gnupg.gpg([...more, '--passphrase', '', ...users, '--clearsign'], release);
    };
    switch (options.signature ?? 'good') {
      case 'unsigned':
        return release;
      case 'other-key':
        return clearsign([this.#other()]);
      case 'both':
        return clearsign([this.#other(), this.#goodKey]);
      case 'expired-key':
        return this.#signExpired(clearsign);
      default:
        return clearsign([this.#goodKey]);
    }
  }

  #other(): string {
    this.#otherKey ??= this.#gnupg.makeKey('Somebody Else <else@example.org>', 'rsa2048');
    return this.#otherKey;
  }

  /** A key that is in the keyring and was good when it signed, years ago. */
  #signExpired(clearsign: (keys: readonly string[], more: readonly string[]) => Buffer): Buffer {
    const then = ['--faked-system-time', '20200101T000000'];
    const status = this.#gnupg
      .gpg([
        ...then,
        '--passphrase',
        '',
        '--status-fd',
        '1',
        '--quick-generate-key',
        'Old <old@example.org>',
        'ed25519',
        'sign',
        '7d',
      ])
      .toString();
    const key = /KEY_CREATED [PB] ([0-9A-F]{40})/.exec(status)?.[1] ?? '';
    writeFileSync(
      this.keyring,
      Buffer.concat([this.#gnupg.exportKey(this.#goodKey), this.#gnupg.exportKey(key)]),
    );
    return clearsign([key], then);
  }
}

function writeTree(root: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

function defaultSource(spec: SourceSpec): Record<string, string> {
  const fields = {
    Source: spec.source,
    Maintainer: 'Nobody <nobody@example.org>',
    'Standards-Version': '4.6.2',
    'Rules-Requires-Root': 'no',
    ...spec.fields,
  };
  const stanzas = (spec.binaries ?? [{ package: spec.source, architecture: 'all' }]).map(
    (binary) =>
      `\nPackage: ${binary.package}\nArchitecture: ${binary.architecture}\nDescription: a package of a test\n`,
  );
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  return {
    'debian/control': head.join('') + stanzas.join(''),
    'debian/changelog': `${spec.source} (${spec.version}) testing-local; urgency=low\n\n  * A test.\n\n -- Nobody <nobody@example.org>  Wed, 01 Jan 2025 00:00:00 +0000\n`,
    'debian/rules': '#!/usr/bin/make -f\n%:\n\ttrue\n',
    'debian/source/format': `3.0 (${/-[^-]+$/.test(spec.version) ? 'quilt' : 'native'})\n`,
    'README.md': 'A package of a test.\n',
  };
}

function compress(path: string, form: '' | '.xz' | '.gz' | '.zst'): void {
  if (form === '.xz') execFileSync('xz', ['--keep', '-1', path]);
  if (form === '.gz') execFileSync('gzip', ['--keep', '--no-name', path]);
  if (form === '.zst') execFileSync('zstd', ['--quiet', '--keep', path]);
}

function linkByHash(suite: string, release: string): void {
  const list = /^SHA256:\n((?: .*\n?)+)/m.exec(release)?.[1] ?? '';
  for (const line of list.split('\n').filter((text) => text.trim() !== '')) {
    const path = line.trim().split(/\s+/)[2] ?? '';
    if (!/\/(Packages|Sources)/.test(path)) continue;
    // By what the file holds, as a mirror does: a Release that was edited does not move it.
    const hash = createHash('sha256')
      .update(readFileSync(join(suite, path)))
      .digest('hex');
    const folder = join(suite, dirname(path), 'by-hash/SHA256');
    mkdirSync(folder, { recursive: true });
    linkSync(join(suite, path), join(folder, hash));
  }
}
