import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type AttesterParts, attest } from '../../../daemons/attester/attest.ts';
import { KnownEvidence } from '../../../daemons/attester/compare/examine.ts';
import { type PublicKey, readPublicKeys, type SigningKey } from '../../../daemons/attester/keys.ts';
import type { DistSettings } from '../../../daemons/attester/settings.ts';
import { splitGpgSigner } from '../../../daemons/attester/sign/split-gpg.ts';
import { VaultSigner } from '../../../daemons/attester/sign/vault-signer.ts';
import { LookupStore } from '../../../daemons/lib/archive/lookup-store.ts';
import { type Attestation, parseAttestation } from '../../../daemons/lib/contracts/documents/attestation.ts';
import { attestPayload } from '../../../daemons/lib/contracts/job.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { usualEnvironment } from '../../../daemons/lib/domain/build-environment.ts';
import { parseFingerprint, type Sha256 } from '../../../daemons/lib/domain/names.ts';
import type { SignedVerdict } from '../../../daemons/lib/domain/verdict.ts';
import type { RawCall } from '../../../daemons/lib/wire/call.ts';
import { serveSocket } from '../../../daemons/lib/wire/serve.ts';
import { vaultDoor } from '../../../daemons/vault/sign/door.ts';
import { openSigningKey } from '../../../daemons/vault/sign/keys.ts';
import { Signer } from '../../../daemons/vault/sign/signer.ts';
import { SignatureLog } from '../../../daemons/vault/signature-log.ts';
import {
  buildinfoOf,
  buildReportOf,
  type EvidenceDocument,
  evidenceOf,
} from '../../support/build-documents.ts';
import { heardLog, jobContext, Objects, type Told } from '../../support/job-context.ts';
import { LocalArchive } from '../../support/local-archive.ts';
import { bundleProgram } from '../../support/program.ts';
import { programCall } from '../../support/program-call.ts';
import { socketCaller } from '../../support/socket-caller.ts';
import { openVaultCalls, type VaultCalls } from '../../support/vault-calls.ts';

/** An archive with one source of two parts, a vault with two keys, and an attester between them. */

export const source = 'foo';
export const sourceVersion = '1:1.0-1';
export const poolNames = {
  any: 'foo_1.0-1_amd64.deb',
  all: 'foo-data_5_all.deb',
  maker: 'maker_1_amd64.deb',
} as const;
export const dist = 'testing-local.amd64';

export interface BuildFacts {
  readonly parts?: readonly ('any' | 'all')[];
  /** What the disposable made, by file name: the official bytes unless told. */
  readonly made?: Readonly<Record<string, Buffer>>;
  readonly buildinfo?: string;
  readonly earlier?: readonly Readonly<{ path: string; sha256: Sha256 }>[];
  readonly editRecipe?: (recipe: Record<string, unknown>) => Record<string, unknown>;
  readonly editEvidence?: (evidence: EvidenceDocument) => EvidenceDocument;
}

export class Fixture {
  readonly archive = new LocalArchive();
  readonly objects = new Objects();
  readonly told: Told[] = [];
  readonly closers: (() => Promise<void>)[] = [];
  readonly dir = mkdtempSync(join(tmpdir(), 'attester-'));
  #calls: VaultCalls | undefined;
  readonly #official = new Map<string, Buffer>();
  readonly #dsc: readonly Readonly<{ name: string; content: Buffer }>[];
  readonly reproducible: string;
  readonly unreproducible: string;
  settings: DistSettings;
  /** What a call to the vault runs in its service's place; undefined: the service. */
  vault: readonly [string, ...string[]] | undefined;

  static async open(): Promise<Fixture> {
    const fixture = new Fixture();
    fixture.#calls = await openVaultCalls(fixture.vaultState);
    const keys = await readPublicKeys(fixture.keysFolder);
    fixture.settings = {
      ...fixture.settings,
      reproducible: fixture.#signing(keys, fixture.reproducible),
      unreproducible: fixture.#signing(keys, fixture.unreproducible),
    };
    return fixture;
  }

  private constructor() {
    const { archive } = this;
    const from = `${source} (${sourceVersion})`;
    const paths = [
      archive.addBinary({ package: 'foo', version: sourceVersion, files: { 'usr/share/foo': 'one\n' } }),
      archive.addBinary({ package: 'foo-data', version: '5', architecture: 'all', source: from }),
      archive.addBinary({ package: 'maker', version: '1' }),
    ];
    for (const path of paths) this.#official.set(basename(path), readFileSync(join(archive.root, path)));
    const dsc = archive.addSource({
      source,
      version: sourceVersion,
      binaries: [
        { package: 'foo', architecture: 'any' },
        { package: 'foo-data', architecture: 'all' },
      ],
    });
    archive.publish();
    const folder = join(archive.root, dsc, '..');
    const listed = readFileSync(join(archive.root, dsc), 'utf8').match(/^ [0-9a-f]{64} \d+ (\S+)$/gm) ?? [];
    const names = [basename(dsc), ...listed.map((line) => line.split(' ').at(-1) ?? '')];
    this.#dsc = names.map((name) => ({ name, content: readFileSync(join(folder, name)) }));

    mkdirSync(this.keysFolder, { recursive: true });
    this.reproducible = this.#makeKey('Reproducible');
    this.unreproducible = this.#makeKey('Unreproducible');
    this.settings = {
      folder: 'debian',
      distribution: archive.codename,
      keyringsOf: () => [{ file: archive.keyring }],
      reproducible: undefined,
      unreproducible: undefined,
      vault: {},
      rebuilderId: undefined,
      rootLayout: undefined,
    };
  }

  /** Has the vault make another key of that kind, which signs from now on; the one before is a previous one. */
  async rotate(): Promise<Readonly<{ old: SigningKey; now: SigningKey }>> {
    const old = this.settings.reproducible;
    if (old === undefined) throw new Error('nothing signs');
    const name = this.#makeKey('Another');
    const now = { ...this.#signing(await readPublicKeys(this.keysFolder), name), previous: [old] };
    this.settings = { ...this.settings, reproducible: now };
    return { old, now };
  }

  get keysFolder(): string {
    return join(this.dir, 'keys');
  }

  /** The sha256 of the archive's InRelease. */
  get release(): string {
    const { archive } = this;
    const content = readFileSync(join(archive.root, 'dists', archive.codename, 'InRelease'));
    return createHash('sha256').update(content).digest('hex');
  }

  get vaultState(): string {
    return join(this.dir, 'vault');
  }

  /** The signing subkey of a key: what signatures are by. */
  keyid(which: 'reproducible' | 'unreproducible'): string {
    return Object.keys(this.settings[which]?.key.subkeys ?? {})[0] ?? '';
  }

  official(name: string): Buffer {
    const content = this.#official.get(name);
    if (content === undefined) throw new Error(`no ${name}`);
    return content;
  }

  sha256(name: string): string {
    return createHash('sha256').update(this.official(name)).digest('hex');
  }

  /** A buildinfo of what the archive has, or of other checksums. */
  buildinfo(parts: readonly ('any' | 'all')[], checksums: Readonly<Record<string, string>> = {}): string {
    return buildinfoOf({
      source,
      version: sourceVersion,
      binaries: ['foo', 'foo-data'],
      architectures: parts.map((part) => (part === 'any' ? 'amd64' : 'all')),
      buildPath: '/build/foo-1.0',
      files: parts.map((part) => {
        const name = poolNames[part];
        return { name, sha256: checksums[name] ?? this.sha256(name), size: this.official(name).length };
      }),
      installed: [['maker', '1']],
    });
  }

  /** Runs one attest job; what it returned is kept in `objects`. */
  async attest(facts: BuildFacts = {}): Promise<Attestation> {
    const payload = this.payload(facts);
    const context = jobContext<'attest'>(payload, this.objects, { told: this.told });
    const { outcome, objects } = await attest(context, this.parts());
    await this.objects.take(objects);
    if (outcome.status !== 'done') throw new Error(`the outcome is ${outcome.status}`);
    const attestation = parseAttestation(JSON.parse(this.objects.get(outcome.attestation).toString('utf8')));
    for (const { sha256, size } of attestation.publish) {
      if (this.objects.get(sha256).length !== size) throw new Error(`${sha256} is not of ${size} bytes`);
    }
    return attestation;
  }

  /** The vault's own service, as it is, behind a socket; and the attester's half of its keys. */
  async openSignDoor(perMinute = 1_000): Promise<DistSettings['vault']> {
    const state = this.vaultState;
    const log = heardLog(this.told);
    const signer = await Signer.open({
      clock: systemClock,
      log,
      state,
      signatures: new SignatureLog(state),
      perMinute,
    });
    const path = join(this.dir, 'sign.sock');
    const onCall = vaultDoor({ clock: systemClock, log, signer });
    const door = await serveSocket({
      path,
      clock: systemClock,
      log,
      maxConnections: 10,
      maxOfOneQube: 10,
      onCall,
    });
    this.closers.push(door.close);
    const caller = socketCaller(path, 'rebuilder-attester');
    const signerOf = async (verdict: SignedVerdict) =>
      new VaultSigner(verdict, (await openSigningKey(state, verdict)).public, { caller, clock: systemClock });
    return {
      reproducible: await signerOf('reproducible'),
      unreproducible: await signerOf('unreproducible'),
    };
  }

  parts(): AttesterParts {
    return {
      clock: systemClock,
      lookups: new LookupStore(join(this.dir, 'lookups'), { clock: systemClock }),
      known: new KnownEvidence(systemClock),
      scratch: this.dir,
      settingsOf: () => this.settings,
    };
  }

  payload(facts: BuildFacts) {
    const { objects } = this;
    const parts = facts.parts ?? ['any'];
    const made = {
      ...Object.fromEntries(parts.map((part) => [poolNames[part], this.official(poolNames[part])])),
      ...facts.made,
    };
    const put = objects.put.bind(objects);
    const report = buildReportOf(
      Object.entries(made).map(([name, content]) => ({ name, content })),
      put,
    );
    for (const { content } of this.#dsc.slice(0, 1)) objects.put(content);
    const buildinfo = facts.buildinfo === undefined ? null : objects.put(facts.buildinfo);
    const recipe = this.#recipe(parts, buildinfo === null ? 'inferred' : 'buildinfo');
    const evidence = (facts.editEvidence ?? ((one) => one))(evidenceOf(this.archive, dist, put));
    return attestPayload.parse({
      kind: 'build',
      build: {
        dist,
        source,
        sourceVersion,
        version: sourceVersion,
        architecture: 'amd64',
        parts,
        environment: buildinfo === null ? { kind: 'inferred' } : { kind: 'buildinfo', objects: [buildinfo] },
        evidence: objects.put(evidence),
      },
      recipe: objects.put((facts.editRecipe ?? ((one) => one))(recipe)),
      report: objects.put(report),
      buildinfo,
      earlier: facts.earlier ?? [],
    });
  }

  /** The documents that an attestation publishes, by path. */
  published(attestation: Attestation): ReadonlyMap<string, Buffer> {
    return new Map(attestation.publish.map(({ path, sha256 }) => [path, this.objects.get(sha256)]));
  }

  signaturesLogged(): number {
    const log = join(this.vaultState, 'signatures.log');
    return existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0;
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
    await this.#calls?.close();
    execFileSync('gpgconf', ['--homedir', join(this.vaultState, 'gnupg'), '--kill', 'all'], {
      stdio: 'ignore',
    });
    this.archive.remove();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #recipe(parts: readonly ('any' | 'all')[], environmentKind: string): Record<string, unknown> {
    const input = (role: string, name: string, content: Buffer) => ({
      name,
      role,
      sha256: createHash('sha256').update(content).digest('hex'),
      size: content.length,
    });
    return {
      v: 1,
      kind: 'deb',
      buildArchitecture: 'amd64',
      dependencies: [
        { package: 'maker', version: '1', architecture: 'amd64', file: poolNames.maker, base: true },
      ],
      inputs: [
        ...this.#dsc.map(({ name, content }) => input('source', name, content)),
        input('dependency', poolNames.maker, this.official(poolNames.maker)),
      ],
      source,
      sourceVersion,
      version: sourceVersion,
      parts,
      dsc: this.#dsc[0]?.name,
      buildPath: environmentKind === 'buildinfo' ? '/build/foo-1.0' : '/build/reproducible-path/foo-1.0',
      environment: environmentKind === 'buildinfo' ? [] : usualEnvironment(4),
      binaryOnlyChanges: null,
      environmentKind,
      selfHosted: false,
      expect: parts.map((part) => poolNames[part]),
    };
  }

  #makeKey(userId: string): string {
    const keys = bundleProgram('daemons/vault/keys/main.ts');
    try {
      const text = execFileSync(process.execPath, [keys.path, 'make', userId], {
        env: { ...process.env, STATE_DIRECTORY: this.vaultState },
        encoding: 'utf8',
        stdio: 'pipe',
      });
      const fingerprint = text.slice(0, 40);
      // As the program prints it: what stands before the armour does not disturb.
      writeFileSync(join(this.keysFolder, `${fingerprint}.asc`), text);
      return fingerprint;
    } finally {
      keys.remove();
    }
  }

  #signing(keys: ReadonlyMap<string, PublicKey>, name: string): SigningKey {
    const fingerprint = parseFingerprint(name);
    const found = keys.get(fingerprint);
    if (found === undefined) throw new Error(`no public key ${name}`);
    const raw = () => this.#call();
    return {
      ...found,
      name: 'in-toto-sign-key-fpr',
      fingerprint,
      until: undefined,
      previous: [],
      signer: splitGpgSigner(fingerprint, { caller: { raw }, clock: systemClock }),
    };
  }

  #call(): RawCall {
    if (this.vault !== undefined) return programCall(this.vault);
    if (this.#calls === undefined) throw new Error('no vault');
    return this.#calls.call('qubes.Gpg');
  }
}
