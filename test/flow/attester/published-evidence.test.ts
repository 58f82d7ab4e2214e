import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Keyring } from '../../../daemons/lib/archive/keyring.ts';
import type { IndexName } from '../../../daemons/lib/archive/lookup-store.ts';
import { LookupStore } from '../../../daemons/lib/archive/lookup-store.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parseSha256,
  parseSourceName,
} from '../../../daemons/lib/domain/names.ts';
import type { Ed25519Public } from '../../../daemons/lib/evidence/ed25519.ts';
import { checkEvidence } from '../../../daemons/lib/evidence/published/check.ts';
import type { EvidenceOptions, Subject } from '../../../daemons/lib/evidence/published/subject.ts';
import { evidenceAdvice } from '../../../daemons/rebuilderctl/verify/errors.ts';
import { Fixture, poolNames, source, sourceVersion } from './fixture.ts';

const folder = 'sources/foo/1.0-1';
type Files = Map<string, Buffer>;

/** What the attester published, asked by whoever got a copy of it. */
describe('published evidence', () => {
  let fixture: Fixture;
  let inferred: ReadonlyMap<string, Buffer>;
  let recorded: ReadonlyMap<string, Buffer>;
  let files: Files;
  let keyrings: readonly Keyring[];
  let hasIndexes: boolean;
  let of: Subject;
  let statementKey: Ed25519Public | undefined;
  const base = (published: ReadonlyMap<string, Buffer>): Files =>
    new Map([...published].map(([path, content]) => [path.replace(/^debian\//, ''), content]));

  beforeAll(async () => {
    fixture = await Fixture.open();
    fixture.settings = { ...fixture.settings, vault: await fixture.openSignDoor() };
    inferred = fixture.published(await fixture.attest({ parts: ['any', 'all'] }));
    recorded = fixture.published(await fixture.attest({ buildinfo: fixture.buildinfo(['any']) }));
  });
  beforeEach(() => {
    files = base(recorded);
    keyrings = [{ file: fixture.archive.keyring }];
    hasIndexes = true;
    of = subject();
    statementKey = fixture.settings.vault.reproducible?.publicKey;
  });
  afterAll(() => fixture.close());

  function subject(change: Partial<Record<keyof Subject, string>> = {}): Subject {
    return {
      package: parseBinaryName(change.package ?? 'foo'),
      version: parseDebVersion(change.version ?? sourceVersion),
      architecture: parseArchitecture(change.architecture ?? 'amd64'),
      source: parseSourceName(source),
      buildVersion: parseDebVersion(sourceVersion),
      sha256: parseSha256(change.sha256 ?? fixture.sha256(poolNames.any)),
    };
  }

  const ofData = () =>
    subject({
      package: 'foo-data',
      version: '5',
      architecture: 'all',
      sha256: fixture.sha256(poolNames.all),
    });

  function check() {
    const findIndex: EvidenceOptions['findIndex'] = async (forms) => {
      const form = forms.find(({ path }: IndexName) => path.endsWith('.xz'));
      if (form === undefined || !hasIndexes) return undefined;
      return { form, file: join(fixture.archive.root, 'dists', fixture.archive.codename, form.path) };
    };
    return checkEvidence({
      subject: of,
      read: async (path) => files.get(path),
      statementKeys: statementKey === undefined ? [] : [statementKey],
      keyringsOf: () => keyrings,
      findIndex,
      lookups: new LookupStore(join(fixture.dir, 'verifier'), { clock: systemClock }),
    });
  }

  it('vouches for a file by statement, Release, index and buildinfo', async () => {
    const { statement, evidence, releases, index } = await check();
    expect(statement?.predicate.verdict).toBe('reproducible');
    expect(evidence.environment).toMatchObject({ kind: 'buildinfo', inputsFrom: 'archive' });
    expect(releases.map(({ signedBy }) => signedBy)).toEqual([[fixture.archive.fingerprint]]);
    expect(index?.path).toBe('main/binary-amd64/Packages.xz');
  });

  it('vouches without a statement’s key, and tells when no index is at hand', async () => {
    hasIndexes = false;
    files.delete(`${folder}/statement.amd64.intoto.jsonl`);
    statementKey = undefined;
    expect(await check()).toMatchObject({ statement: undefined, index: undefined });
  });

  it('vouches for a package of all that was built beside those of a machine', async () => {
    files = base(inferred);
    of = ofData();
    expect((await check()).evidence.build.parts).toEqual(['any', 'all']);
  });

  const rebuilders = [
    ['by a rebuilder of both forms', true],
    ['by one that signs no links', false],
  ] as const;

  it.each(rebuilders)(
    'vouches, %s, for what a later rebuild made, when the earlier had made something else',
    async (_by, signsLinks) => {
      const { settings } = fixture;
      if (!signsLinks) fixture.settings = { ...settings, reproducible: undefined, unreproducible: undefined };
      const facts = { parts: ['any', 'all'], buildinfo: fixture.buildinfo(['any', 'all']) } as const;
      const flaky = Buffer.from('flaky');
      const first = await fixture.attest({ ...facts, made: { [poolNames.any]: flaky } });
      const earlier = first.publish.map(({ path, sha256 }) => ({ path, sha256 }));
      const second = await fixture.attest({ ...facts, made: { [poolNames.all]: flaky }, earlier });
      fixture.settings = settings;
      files = new Map([...base(fixture.published(first)), ...base(fixture.published(second))]);
      expect((await check()).statement?.subject.map(({ name }) => name)).toEqual([poolNames.any]);
    },
  );

  it.each(rebuilders)(
    'still vouches, %s, for what a later rebuild could not make again',
    async (_by, signsLinks) => {
      const { settings } = fixture;
      if (!signsLinks) fixture.settings = { ...settings, reproducible: undefined, unreproducible: undefined };
      const parts = ['any', 'all'] as const;
      const buildinfo = fixture.buildinfo(parts);
      const first = await fixture.attest({ parts, buildinfo });
      const flaky = await fixture.attest({
        parts,
        buildinfo,
        made: { [poolNames.all]: Buffer.from('flaky') },
        earlier: first.publish.map(({ path, sha256 }) => ({ path, sha256 })),
      });
      fixture.settings = settings;
      const later = base(fixture.published(flaky));
      expect([...later.keys()].filter((path) => /^sources.*(json|jsonl|buildinfo)$/.test(path))).toEqual([]);
      expect([...later.keys()].some((path) => /^unreproducible.*evidence/.test(path))).toBe(true);
      files = new Map([...base(fixture.published(first)), ...later]);
      await check();
      of = ofData();
      expect((await check()).statement?.subject).toHaveLength(2);
    },
  );

  it('vouches by the build that made a package of all, when another of all did not', async () => {
    files = base(inferred);
    const alone = base(recorded).get(evidenceAt) ?? Buffer.alloc(0);
    files.set(`${folder}/evidence.all.json`, alone);
    of = ofData();
    expect((await check()).evidence.build.parts).toEqual(['any', 'all']);
  });

  const evidenceAt = `${folder}/evidence.amd64.json`;
  const statementAt = `${folder}/statement.amd64.intoto.jsonl`;
  const buildinfoAt = `${folder}/foo_1.0-1_amd64.buildinfo`;
  const releaseAt = () => `releases/${fixture.release}.InRelease`;
  const edit = (path: string, from: string | RegExp, to: string) => {
    const text = files.get(path)?.toString() ?? '';
    expect(text).toMatch(from);
    files.set(path, Buffer.from(text.replace(from, to)));
  };
  const sha256Of = (path: string) =>
    createHash('sha256')
      .update(files.get(path) ?? '')
      .digest('hex');
  const swapped = (path: string) => {
    const bytes = Buffer.from(files.get(path) ?? '');
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    files.set(path, bytes);
  };
  /** As a mirror does that also leaves out the statement. */
  const unsigned = (spoil: () => void) => () => {
    spoil();
    statementKey = undefined;
  };

  const seen = new Set<string>();
  it.each<[string, string, () => void]>([
    ['no statement', 'statement-missing', () => files.delete(statementAt)],
    ['a statement that is none', 'statement-malformed', () => files.set(statementAt, Buffer.from('{}'))],
    [
      'a statement of a changed payload',
      'statement-unsigned',
      () => edit(statementAt, /"payload":"(..)./, '"payload":"$1A'),
    ],
    [
      'a statement of another build, signed by the same key',
      'evidence-replaced',
      () => files.set(statementAt, base(inferred).get(statementAt) ?? Buffer.alloc(0)),
    ],
    ['no evidence', 'evidence-missing', () => files.delete(evidenceAt)],
    [
      'evidence that was changed',
      'evidence-replaced',
      () => edit(evidenceAt, '"kind": "buildinfo"', '"kind": "inferred"'),
    ],
    ['evidence that is none', 'evidence-malformed', () => files.set(evidenceAt, Buffer.from('[1]'))],
    [
      'evidence of a verdict that it does not give',
      'evidence-other',
      unsigned(() => edit(evidenceAt, '"verdict": "reproducible"\n  }', '"verdict": "not-built"\n  }')),
    ],
    [
      'a file of other bytes',
      'statement-other',
      () => {
        of = subject({ sha256: 'ab'.repeat(32) });
      },
    ],
    [
      'a file of other bytes, unsigned',
      'evidence-other',
      unsigned(() => {
        of = subject({ sha256: 'ab'.repeat(32) });
      }),
    ],
    ['no Release', 'release-missing', () => files.delete(releaseAt())],
    ['a Release that was changed', 'release-replaced', () => swapped(releaseAt())],
    [
      'a Release by a key that is not the archive’s',
      'release-untrusted',
      () => {
        keyrings = [{ file: join(fixture.keysFolder, `${fixture.reproducible}.asc`) }];
      },
    ],
    [
      'an index that the Release does not name',
      'release-untrusted',
      unsigned(() =>
        edit(evidenceAt, /("path": "main\/binary-amd64\/Packages.xz",\s+"sha256": ")..../, '$10000'),
      ),
    ],
    [
      'evidence of another distribution',
      'release-untrusted',
      unsigned(() => edit(evidenceAt, '"dist": "testing-local.amd64"', '"dist": "sid.amd64"')),
    ],
    ['no buildinfo', 'buildinfo-missing', () => files.delete(buildinfoAt)],
    ['a buildinfo that was changed', 'buildinfo-replaced', () => swapped(buildinfoAt)],
    [
      'a buildinfo of another checksum that the evidence names',
      'buildinfo-other',
      unsigned(() => {
        const old = sha256Of(buildinfoAt);
        edit(buildinfoAt, fixture.sha256(poolNames.any), 'ab'.repeat(32));
        edit(evidenceAt, old, sha256Of(buildinfoAt));
      }),
    ],
  ])('does not vouch with %s', async (_what, code, spoil) => {
    spoil();
    seen.add(code);
    await expect(check()).rejects.toMatchObject({ name: 'EvidenceError', code });
  });

  it('does not vouch for what its own index does not name, whatever the evidence says', async () => {
    const sha256 = 'cd'.repeat(32);
    const text = files.get(evidenceAt)?.toString().replaceAll(fixture.sha256(poolNames.any), sha256) ?? '';
    files.set(evidenceAt, Buffer.from(text));
    of = subject({ sha256 });
    statementKey = undefined;
    await expect(check()).rejects.toMatchObject({ code: 'index-lacks-file' });
    seen.add('index-lacks-file');
  });

  it('has been seen to be refused by every code', () => {
    const ofFiles = ['index-unreadable', 'statement-key-missing'];
    expect([...seen, ...ofFiles].sort()).toEqual(Object.keys(evidenceAdvice).sort());
  });
});
