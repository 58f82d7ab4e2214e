import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../daemons/lib/domain/date.ts';
import { buildLayout, type LayoutKey } from '../../../daemons/lib/domain/layout.ts';
import { type Artifacts, linkOf } from '../../../daemons/lib/domain/link.ts';
import { formatMetablock, type JsonObject, type Metablock } from '../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { layoutTime, signDocument } from '../../../daemons/lib/openpgp/sign.ts';
import { ArchiveServer } from '../../support/archive-server.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { type BinarySpec, LocalArchive } from '../../support/local-archive.ts';

/** Whose keys there are: a layout's owner, somebody else, rebuilders; `twin` has the first 8 digits of `alice`. */
export type Person = 'owner' | 'stranger' | 'alice' | 'bob' | 'twin' | 'unlisted';

type PackageFile = Readonly<{ name: string; sha256: string; path: string }>;

const now = systemClock.now();

/** An archive, rebuilders and a layout's owner: what one who verifies meets. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'world-'));
  readonly archive = new LocalArchive();
  readonly #gnupg: GnuPg = openGnuPg();
  readonly #keys = new Map<Person, LayoutKey>();
  readonly #files = new Map<string, PackageFile>();
  #servers: readonly ArchiveServer[] = [];

  static async open(): Promise<World> {
    const world = new World();
    for (const person of ['owner', 'stranger', 'alice', 'bob', 'twin', 'unlisted'] as const) {
      const fingerprint = world.#gnupg.makeKey(`${person} <${person}@example.org>`, 'rsa2048');
      world.#keys.set(person, readPublicKey(world.#gnupg.exportKey(fingerprint)));
    }
    const tls = makeCertificate(world.folder, 'server');
    mkdirSync(join(world.folder, 'rebuilders'));
    world.#servers = await Promise.all([
      ArchiveServer.start(world.archive.root),
      ArchiveServer.start(world.archive.root, { tls }),
      ArchiveServer.start(join(world.folder, 'rebuilders')),
      ArchiveServer.start(join(world.folder, 'rebuilders'), { tls }),
    ]);
    return world;
  }

  /** The archive by http and by https, and the rebuilders likewise, each below its name. */
  get servers() {
    const [archive, archiveTls, rebuilders, rebuildersTls] = this.#servers;
    if (!archive || !archiveTls || !rebuilders || !rebuildersTls) throw new Error('not started');
    return { archive, archiveTls, rebuilders, rebuildersTls };
  }

  /** The certificate of both. */
  get certificate(): string {
    return join(this.folder, 'server.crt');
  }

  add(spec: BinarySpec): void {
    const path = this.archive.addBinary({ architecture: 'all', ...spec });
    const bytes = readFileSync(join(this.archive.root, path));
    const onDisk = `${spec.package}_${spec.version.replace(':', '%3a')}_${spec.architecture ?? 'all'}.deb`;
    this.#files.set(spec.package, {
      name: onDisk,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      path,
    });
  }

  /** The name that apt gives a package's file on disk, its hash, and where the archive has it. */
  file(name: string): PackageFile {
    const found = this.#files.get(name);
    if (found === undefined) throw new Error(`no package ${name}`);
    return found;
  }

  /** Tells that apt will call a package's file otherwise. */
  rename(name: string, onDisk: string): void {
    this.#files.set(name, { ...this.file(name), name: onDisk });
  }

  /** A link by somebody. */
  async link(products: Artifacts, signer: Person, more: JsonObject = {}): Promise<string> {
    return this.sign({ ...linkOf(products), ...more } as unknown as JsonObject, signer);
  }

  /** Serves a document as the rebuilder's answer about a package. */
  publish(rebuilder: string, name: string, version: string, document: string | Uint8Array): void {
    const path = this.#metadata(rebuilder, name, version);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, document);
  }

  withdraw(rebuilder: string, name: string, version: string): void {
    rmSync(this.#metadata(rebuilder, name, version), { force: true });
  }

  async layout(
    rebuilders: readonly Person[],
    threshold: number,
    options: { signer?: Person; expires?: number } = {},
  ): Promise<string> {
    const document = buildLayout({
      rebuilders: rebuilders.filter((person) => person !== 'twin').map((person) => this.key(person)),
      threshold: 1,
      expires: layoutTime(now + (options.expires ?? 30 * dayMs)),
    });
    const [step] = document.steps;
    const twins = rebuilders.includes('twin') ? [this.twin()] : [];
    const keys = { ...document.keys, ...Object.fromEntries(twins.map((key) => [key.keyid, key])) };
    const pubkeys = [...(step?.pubkeys ?? []), ...twins.map((key) => key.keyid)];
    const whole = { ...document, keys, steps: [{ ...step, threshold, pubkeys }] };
    return await this.sign(whole as unknown as JsonObject, options.signer ?? 'owner');
  }

  /** Any document as in-toto's tools write it, signed by somebody. */
  async sign(document: JsonObject, signer: Person): Promise<string> {
    const key = this.key(signer);
    const block = await signDocument(document as never, {
      signer: gpgSigner(parseFingerprint(key.keyid), { home: this.#gnupg.home }),
      key,
      now,
    });
    const text = formatMetablock(block as unknown as Metablock<JsonObject>);
    return signer === 'twin' ? text.replaceAll(key.keyid, this.twin().keyid) : text;
  }

  fingerprint(person: Person): string {
    return this.key(person).keyid.toUpperCase();
  }

  /** Public keys of the layout's owner and of somebody else, as a verifier has them. */
  writeKeyring(home: string): void {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const verifier = openGnuPg();
    try {
      for (const person of ['owner', 'stranger'] as const) {
        verifier.gpg(['--import'], this.publicKey(person));
      }
      for (const name of ['pubring.kbx', 'trustdb.gpg']) {
        writeFileSync(join(home, name), readFileSync(join(verifier.home, name)), { mode: 0o600 });
      }
    } finally {
      verifier.remove();
    }
  }

  /** The public key, as a person may name it in a file. */
  publicKey(person: Person): Buffer {
    return this.#gnupg.exportKey(this.fingerprint(person));
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
    this.archive.remove();
    this.#gnupg.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The key of a layout whose id begins like alice's: a layout may call a key as it likes. */
  twin(): LayoutKey {
    const key = this.key('twin');
    return { ...key, keyid: this.key('alice').keyid.slice(0, 8) + key.keyid.slice(8) };
  }

  key(person: Person): LayoutKey {
    const key = this.#keys.get(person);
    if (key === undefined) throw new Error(`${person} has no key`);
    return key;
  }

  #metadata(rebuilder: string, name: string, version: string): string {
    return join(this.folder, 'rebuilders', rebuilder, 'sources', name, version, 'metadata');
  }
}
