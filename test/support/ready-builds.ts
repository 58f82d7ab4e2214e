import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseSha256, type Sha256 } from '../../daemons/lib/domain/names.ts';
import { buildinfoOf, buildReportOf, evidenceOf } from './build-documents.ts';
import { LocalArchive } from './local-archive.ts';

/** Builds by the hundred, each with all that getter and rebuilder bring of it: only their attestation is left to do. */

/** One object of a job's outcome: what it holds, by its hash. */
export type Contents = ReadonlyMap<Sha256, Buffer>;

export interface ReadyBuild {
  readonly source: string;
  readonly version: string;
  /** Names and sha256 of the binaries, which came out as the archive has them. */
  readonly binaries: readonly Readonly<{ package: string; name: string; sha256: Sha256 }>[];
  /** Its line of the feed. */
  readonly listed: object;
  /** What the getter hands in with the feed. */
  readonly fed: Contents;
  readonly inputs: Readonly<{ recipe: Sha256; buildinfo: Sha256; contents: Contents }>;
  readonly rebuilt: Readonly<{ report: Sha256; contents: Contents }>;
}

export interface ReadyBuilds {
  readonly archive: LocalArchive;
  readonly dist: string;
  readonly builds: readonly ReadyBuild[];
  /** Evidence and dependencies, which all of them share. */
  readonly shared: Contents;
}

const version = '1.0-1';
/** About what a build of Debian installs beside its own dependencies. */
const dependencies = 160;

/** @param sizes how many binaries each build has */
export function makeReadyBuilds(sizes: readonly number[]): ReadyBuilds {
  const archive = new LocalArchive();
  try {
    const maker = new Maker(archive);
    const names = sizes.map((_size, index) => `app${index}`);
    for (const [index, size] of sizes.entries()) maker.addBuild(names[index] ?? '', size);
    archive.publish();
    const dist = `${archive.codename}.amd64`;
    const shared = new Kept();
    const evidence = shared.put(evidenceOf(archive, dist, (content) => shared.put(content)));
    for (const { content } of maker.dependencies) shared.put(content);
    return {
      archive,
      dist,
      builds: names.map((source) => maker.ready(source, { dist, evidence })),
      shared: shared.contents,
    };
  } catch (error) {
    archive.remove();
    throw error;
  }
}

class Kept {
  readonly contents = new Map<Sha256, Buffer>();
  put(content: Buffer | string | object): Sha256 {
    const bytes = Buffer.isBuffer(content)
      ? content
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const sha256 = parseSha256(createHash('sha256').update(bytes).digest('hex'));
    this.contents.set(sha256, bytes);
    return sha256;
  }
}

type File = Readonly<{ package: string; name: string; content: Buffer }>;

class Maker {
  readonly #binaries = new Map<string, readonly File[]>();
  readonly #sources = new Map<string, readonly Omit<File, 'package'>[]>();
  readonly #template: string;
  readonly dependencies: readonly File[];

  constructor(readonly archive: LocalArchive) {
    this.#template = archive.addSource({ source: 'template', version });
    const names = Array.from({ length: dependencies }, (_, index) => `dependency${index}`);
    this.dependencies = names.map((name) => this.#addDeb({ package: name, version: '1' }));
  }

  addBuild(source: string, size: number): void {
    const names = Array.from({ length: size }, (_, index) =>
      index === 0 ? source : `${source}-part${index}`,
    );
    this.#binaries.set(
      source,
      names.map((name) => this.#addDeb({ package: name, version, ...(name === source ? {} : { source }) })),
    );
    this.#sources.set(source, this.#addSource(source));
  }

  ready(source: string, feed: Readonly<{ dist: string; evidence: Sha256 }>): ReadyBuild {
    const files = this.#binaries.get(source) ?? [];
    const [fed, inputs, rebuilt] = [new Kept(), new Kept(), new Kept()];
    const binaries = files.map((file) => ({ ...file, sha256: sha256Of(file.content) }));
    const official = binaries.map(({ name, sha256, content }) => ({ name, sha256, size: content.length }));
    const buildPath = `/build/${source}-1.0`;
    const buildinfo = fed.put(
      buildinfoOf({
        source,
        version,
        binaries: binaries.map((file) => file.package),
        architectures: ['amd64'],
        buildPath,
        files: official,
        installed: this.dependencies.map((file) => [file.package, '1']),
      }),
    );
    const build = {
      dist: feed.dist,
      source,
      sourceVersion: version,
      version,
      architecture: 'amd64',
      parts: ['any'],
      environment: { kind: 'buildinfo', objects: [buildinfo] },
      evidence: feed.evidence,
    };
    for (const { content } of this.#sources.get(source) ?? []) inputs.put(content);
    return {
      source,
      version,
      binaries: binaries.map(({ name, sha256, ...file }) => ({ package: file.package, name, sha256 })),
      listed: { build, priority: 1, files: official },
      fed: fed.contents,
      inputs: {
        recipe: inputs.put(this.#recipe(source, { buildPath, expect: files.map(({ name }) => name) })),
        buildinfo,
        contents: inputs.contents,
      },
      rebuilt: {
        report: rebuilt.put(buildReportOf(files, (content) => rebuilt.put(content))),
        contents: rebuilt.contents,
      },
    };
  }

  #recipe(source: string, more: Readonly<{ buildPath: string; expect: readonly string[] }>): object {
    const input = (role: string, { name, content }: Omit<File, 'package'>) => ({
      name,
      role,
      sha256: sha256Of(content),
      size: content.length,
    });
    const sources = this.#sources.get(source) ?? [];
    return {
      v: 1,
      kind: 'deb',
      buildArchitecture: 'amd64',
      dependencies: this.dependencies.map((file) => ({
        package: file.package,
        version: '1',
        architecture: 'amd64',
        file: file.name,
        base: true,
      })),
      inputs: [
        ...sources.map((file) => input('source', file)),
        ...this.dependencies.map((file) => input('dependency', file)),
      ],
      source,
      sourceVersion: version,
      version,
      parts: ['any'],
      dsc: sources[0]?.name,
      environment: [],
      binaryOnlyChanges: null,
      environmentKind: 'buildinfo',
      selfHosted: false,
      ...more,
    };
  }

  #addDeb(spec: Readonly<{ package: string; version: string; source?: string }>): File {
    const path = this.archive.addBinary(spec);
    return {
      package: spec.package,
      name: basename(path),
      content: readFileSync(join(this.archive.root, path)),
    };
  }

  /** The template under another name: dpkg-source takes its time, and nobody unpacks it here. */
  #addSource(source: string): readonly Omit<File, 'package'>[] {
    const template = join(this.archive.root, this.#template);
    const text = readFileSync(template, 'utf8');
    const named = (name: string) => name.replaceAll('template', source);
    const listed = [...(/^Checksums-Sha256:\n((?: .*\n)+)/m.exec(text)?.[1] ?? '').matchAll(/ (\S+)$/gm)];
    const folder = mkdtempSync(join(tmpdir(), 'source-'));
    try {
      const dsc = basename(template);
      writeFileSync(join(folder, named(dsc)), named(text));
      const names = listed.map((match) => match[1] ?? '');
      for (const name of names) {
        writeFileSync(join(folder, named(name)), readFileSync(join(dirname(template), name)));
      }
      this.archive.addSourceFiles(join(folder, named(dsc)));
      return [dsc, ...names].map((name) => ({
        name: named(name),
        content: readFileSync(join(folder, named(name))),
      }));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

export function sha256Of(content: Buffer): Sha256 {
  return parseSha256(createHash('sha256').update(content).digest('hex'));
}
