import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Fixture, poolNames, sourceVersion } from './fixture.ts';

const paths = {
  foo: `debian/sources/foo/${sourceVersion}/metadata`,
  data: 'debian/sources/foo-data/5/metadata',
  folder: 'debian/sources/foo/1.0-1',
};

interface LinkFile {
  signatures: { keyid: string; signature: string }[];
  signed: { products: Record<string, { sha256: string }>; environment: object; materials: object };
}

describe('the attester', () => {
  let fixture: Fixture;
  let untouched: Fixture['settings'];
  let vault: Fixture['vault'];
  beforeAll(async () => {
    fixture = await Fixture.open();
    untouched = fixture.settings;
    vault = fixture.vault;
  });
  beforeEach(() => {
    fixture.settings = untouched;
    fixture.vault = vault;
    fixture.told.length = 0;
  });
  afterAll(() => fixture.close());

  function withSettings(change: Partial<Fixture['settings']>): Facts {
    fixture.settings = { ...untouched, ...change };
    return {};
  }
  function withVault(command: Fixture['vault']): Facts {
    fixture.vault = command;
    return {};
  }

  const link = (content: Buffer | undefined) => JSON.parse(content?.toString('utf8') ?? 'null') as LinkFile;

  it('publishes one link for each binary and version, upstream’s two, the evidence and the key', async () => {
    const attestation = await fixture.attest({ parts: ['any', 'all'] });
    expect(attestation).toMatchObject({
      verdict: 'reproducible',
      code: null,
      environment: 'inferred',
      selfHosted: false,
      signedBy: [fixture.reproducible],
    });
    const published = fixture.published(attestation);
    const short = fixture.keyid('reproducible').slice(0, 8);
    expect([...published.keys()].sort()).toEqual(
      [
        paths.foo,
        paths.data,
        `${paths.folder}/rebuild.${short}.amd64.link`,
        `${paths.folder}/rebuild.${short}.link`,
        `${paths.folder}/evidence.amd64.json`,
        `debian/releases/${fixture.release}.InRelease`,
        `debian/${fixture.reproducible}.asc`,
      ].sort(),
    );
    const foo = link(published.get(paths.foo)).signed;
    expect(foo.products).toEqual({
      'foo_1.0-1_amd64.deb': { sha256: fixture.sha256(poolNames.any) },
      'foo_1%3a1.0-1_amd64.deb': { sha256: fixture.sha256(poolNames.any) },
    });
    expect([foo.materials, foo.environment]).toEqual([{}, {}]);
    expect(link(published.get(paths.data)).signed.products).toEqual({
      'foo-data_5_all.deb': { sha256: fixture.sha256(poolNames.all) },
    });
    const evidence = JSON.parse(published.get(`${paths.folder}/evidence.amd64.json`)?.toString() ?? '');
    expect(evidence).toMatchObject({
      verdict: 'reproducible',
      environment: { kind: 'inferred', selfHosted: false, buildinfo: null },
      releases: [{ signedBy: [fixture.archive.fingerprint], suite: 'testing-local' }],
    });
    expect(evidence.inputs).toHaveLength(4);
  });

  it('gives a file that is identical its link whatever its sibling, and the other one none', async () => {
    const attestation = await fixture.attest({
      parts: ['any', 'all'],
      made: { [poolNames.any]: Buffer.from('something else') },
    });
    expect(attestation).toMatchObject({ verdict: 'failure', code: 'environment-unknown' });
    expect(attestation.files.map((file) => [file.name, file.verdict])).toEqual([
      [poolNames.all, 'reproducible'],
      [poolNames.any, 'environment-unknown'],
    ]);
    const published = fixture.published(attestation);
    expect([...published.keys()].filter((path) => path.endsWith('/metadata'))).toEqual([paths.data]);
    for (const [path, content] of published) {
      if (path.endsWith('.link')) expect(Object.keys(link(content).signed.products)).toEqual([poolNames.all]);
    }
    expect(attestation.publish.some(({ path }) => path.includes('unreproducible'))).toBe(false);
  });

  it('publishes nothing at all where nothing came out identical', async () => {
    const before = fixture.signaturesLogged();
    const attestation = await fixture.attest({ made: { [poolNames.any]: Buffer.from('else') } });
    expect(attestation).toMatchObject({
      verdict: 'failure',
      code: 'environment-unknown',
      publish: [],
      signedBy: [],
    });
    expect(fixture.signaturesLogged()).toBe(before);
  });

  it('signs a difference, by its own key and in its own tree, only on a true buildinfo', async () => {
    const other = Buffer.from('built at another time');
    const attestation = await fixture.attest({
      buildinfo: fixture.buildinfo(['any']),
      made: { [poolNames.any]: other },
    });
    expect(attestation).toMatchObject({
      verdict: 'unreproducible',
      code: null,
      environment: 'buildinfo',
      signedBy: [fixture.unreproducible],
    });
    const short = fixture.keyid('unreproducible').slice(0, 8);
    const tree = 'debian/unreproducible/sources/foo/1.0-1';
    const published = fixture.published(attestation);
    expect([...published.keys()].sort()).toEqual(
      [
        `${tree}/rebuild.${short}.amd64.link`,
        `${tree}/rebuild.${short}.link`,
        `${tree}/evidence.amd64.json`,
        `${tree}/foo_1.0-1_amd64.buildinfo`,
        `debian/releases/${fixture.release}.InRelease`,
        `debian/${fixture.unreproducible}.asc`,
      ].sort(),
    );
    const [hash] = Object.values(link(published.get(`${tree}/rebuild.${short}.link`)).signed.products);
    expect(hash?.sha256).toBe(attestation.files[0]?.rebuiltSha256);
  });

  it('accepts a reproducible build from a true buildinfo', async () => {
    const attestation = await fixture.attest({ buildinfo: fixture.buildinfo(['any']) });
    expect(attestation).toMatchObject({ verdict: 'reproducible', environment: 'buildinfo' });
  });

  it('judges but publishes nothing without a key, and no difference without the second', async () => {
    fixture.settings = { ...untouched, reproducible: undefined, unreproducible: undefined };
    expect(await fixture.attest()).toMatchObject({ verdict: 'reproducible', publish: [], signedBy: [] });
    const made = { [poolNames.any]: Buffer.from('else') };
    const buildinfo = fixture.buildinfo(['any']);
    expect(await fixture.attest({ buildinfo, made })).toMatchObject({
      verdict: 'unreproducible',
      publish: [],
    });
  });

  it('does not judge files that no signed index names', async () => {
    const attestation = await fixture.attest({
      made: { 'foo-dbgsym_1.0-1_amd64.deb': Buffer.from('debug') },
    });
    expect(attestation.verdict).toBe('reproducible');
    expect(attestation.files.at(-1)).toMatchObject({ verdict: 'not-judged', officialSha256: null });
    expect(JSON.stringify([...fixture.published(attestation).values()].map(String))).not.toContain(
      'dbgsym_1.0-1_amd64.deb": {',
    );
  });

  it.each([
    [
      'an index signed by a key that is not ours',
      'archive-untrusted',
      () => {
        return withSettings({
          keyringsOf: () => [{ file: join(fixture.keysFolder, `${fixture.reproducible}.asc`) }],
        });
      },
    ],
    ['no keyring at all', 'archive-untrusted', () => withSettings({ keyringsOf: () => [] })],
    [
      'an index that the Release does not name',
      'archive-untrusted',
      () => ({
        editEvidence: (evidence: Parameters<NonNullable<Facts['editEvidence']>>[0]) => {
          const [release] = evidence.releases;
          const [index] = release?.indexes ?? [];
          if (index !== undefined) index.sha256 = fixture.objects.put('Package: foo\n');
          return evidence;
        },
      }),
    ],
    [
      'evidence of another dist',
      'protocol',
      () => ({
        editEvidence: (evidence: Parameters<NonNullable<Facts['editEvidence']>>[0]) => ({
          ...evidence,
          dist: 'sid.amd64',
        }),
      }),
    ],
    [
      'a source file that differs by its hash',
      'archive-untrusted',
      () => ({ editRecipe: withInput(/\.dsc$/, { sha256: 'ab'.repeat(32) }) }),
    ],
    [
      'a dependency that no index names',
      'archive-untrusted',
      () => ({ editRecipe: withInput(/^maker/, { sha256: 'ab'.repeat(32) }) }),
    ],
    [
      'a recipe of another build',
      'protocol',
      () => ({ editRecipe: (recipe: object) => ({ ...recipe, version: '2' }) }),
    ],
    [
      'a recipe that claims a buildinfo without one',
      'protocol',
      () => ({ editRecipe: (recipe: object) => ({ ...recipe, environmentKind: 'buildinfo' }) }),
    ],
    [
      'a buildinfo whose checksums the index contradicts',
      'buildinfo-mismatch',
      () => ({ buildinfo: fixture.buildinfo(['any'], { [poolNames.any]: 'ab'.repeat(32) }) }),
    ],
    ['a buildinfo that is none', 'buildinfo-mismatch', () => ({ buildinfo: 'Format: 1.0\n' })],
    [
      'a recipe that leaves out what the buildinfo names',
      'protocol',
      () => ({ buildinfo: fixture.buildinfo(['any']).replace('maker (= 1)', 'maker (= 1), hidden (= 2)') }),
    ],
    [
      'a recipe that does not ask for a file',
      'protocol',
      () => ({ editRecipe: (recipe: object) => ({ ...recipe, expect: [] }) }),
    ],
    [
      'an inferred recipe of unusual variables',
      'protocol',
      () => ({ editRecipe: (recipe: object) => ({ ...recipe, environment: [['LC_ALL', 'tr_TR.UTF-8']] }) }),
    ],
    [
      'a recipe that adds what the buildinfo does not name',
      'protocol',
      () => ({ buildinfo: fixture.buildinfo(['any']).replace(' maker (= 1)', ' ') }),
    ],
    [
      "a recipe of another build path than the buildinfo's",
      'protocol',
      () => ({
        buildinfo: fixture.buildinfo(['any']),
        editRecipe: (recipe: object) => ({ ...recipe, buildPath: '/build/bar' }),
      }),
    ],
    [
      'an inferred recipe of an unusual build path',
      'protocol',
      () => ({ editRecipe: (recipe: object) => ({ ...recipe, buildPath: '/usr/bin/foo' }) }),
    ],
    [
      "a recipe of other variables than the buildinfo's",
      'protocol',
      () => ({
        buildinfo: fixture.buildinfo(['any']),
        editRecipe: (recipe: object) => ({ ...recipe, environment: [['LANG', 'de_DE.UTF-8']] }),
      }),
    ],
    [
      'a recipe and a buildinfo that agree on a variable that runs code',
      'protocol',
      () => ({
        buildinfo: `${fixture.buildinfo(['any'])}Environment:\n PERL5OPT="-MO=x"\n`,
        editRecipe: (recipe: object) => ({ ...recipe, environment: [['PERL5OPT', '-MO=x']] }),
      }),
    ],
    ['a vault that is not there', 'signing', () => withVault(['false'])],
    ['a vault that refuses', 'signing', () => withVault(['sh', '-c', 'echo Request refused >&2; exit 126'])],
    ['a vault that answers garbage', 'signing', () => withVault(['yes'])],
    [
      'a vault that signs with another key',
      'signing',
      () => {
        const { reproducible, unreproducible } = untouched;
        if (reproducible === undefined || unreproducible === undefined) throw new Error('no keys');
        return withSettings({ reproducible: { ...reproducible, signer: unreproducible.signer } });
      },
    ],
  ])('fails on %s and publishes nothing', async (_what, code, facts) => {
    await expect(fixture.attest(facts())).rejects.toMatchObject({ name: 'JobFailure', code });
  });

  it('tells the official files with a buildinfo that does not match', async () => {
    const buildinfo = fixture.buildinfo(['any'], { [poolNames.any]: 'ab'.repeat(32) });
    await expect(fixture.attest({ buildinfo })).rejects.toMatchObject({
      files: [{ name: poolNames.any, sha256: fixture.sha256(poolNames.any) }],
    });
  });

  describe('with links that were published earlier', () => {
    it('keeps what they said of the same source and version', async () => {
      const first = await fixture.attest({ parts: ['any'] });
      const second = await fixture.attest({
        parts: ['all'],
        earlier: first.publish.map(({ path, sha256 }) => ({ path, sha256 })),
      });
      const short = fixture.keyid('reproducible').slice(0, 8);
      const published = fixture.published(second);
      const products = (name: string) =>
        Object.keys(link(published.get(`${paths.folder}/${name}`)).signed.products);
      expect(products(`rebuild.${short}.link`).sort()).toEqual(
        [poolNames.all, 'foo_1%3a1.0-1_amd64.deb', poolNames.any].sort(),
      );
      expect(products(`rebuild.${short}.all.link`)).toEqual([poolNames.all]);
      expect(published.has(paths.foo)).toBe(false);
      expect(fixture.told.filter((one) => one.level === 'warning')).toEqual([]);
    });

    it('keeps none that is not signed by our key as it stands there', async () => {
      const first = await fixture.attest({ parts: ['any'] });
      const merged = first.publish.find(({ path }) => /rebuild\.[0-9a-f]{8}\.link$/.test(path));
      const metadata = first.publish.find(({ path }) => path === paths.foo);
      if (merged === undefined || metadata === undefined) throw new Error('nothing published');
      const spoil = (edit: (file: LinkFile) => void) => {
        const file = link(fixture.objects.get(merged.sha256));
        edit(file);
        return { path: merged.path, sha256: fixture.objects.put(file) };
      };
      const forged = [
        spoil((file) => {
          file.signed.products['evil_1_amd64.deb'] = { sha256: 'ab'.repeat(32) };
        }),
        spoil((file) => {
          file.signatures = [];
        }),
        { path: merged.path, sha256: fixture.objects.put('not JSON') },
        // A good link of one binary, put where another belongs.
        { path: merged.path, sha256: metadata.sha256 },
        { path: paths.data, sha256: metadata.sha256 },
      ];
      for (const one of forged) {
        const second = await fixture.attest({ parts: ['all'], earlier: [one] });
        for (const [path, content] of fixture.published(second)) {
          if (!/metadata$|\.link$/.test(path)) continue;
          expect(Object.keys(link(content).signed.products)).toEqual([poolNames.all]);
        }
      }
      expect(fixture.told.filter((one) => one.level === 'warning')).toHaveLength(3);
    });

    it('never lets a link of what differed into the tree of what did not', async () => {
      const bad = await fixture.attest({
        buildinfo: fixture.buildinfo(['any']),
        made: { [poolNames.any]: Buffer.from('else') },
      });
      const misplaced = bad.publish
        .filter(({ path }) => path.endsWith('.link'))
        .map(({ path, sha256 }) => ({ path: path.replace('/unreproducible', ''), sha256 }));
      const second = await fixture.attest({ parts: ['all'], earlier: misplaced });
      expect([...fixture.published(second).values()].map(String).join()).not.toContain('foo_1.0-1_amd64.deb');
      expect(fixture.told.map((one) => one.event)).toContain('an earlier link is not kept');
    });
  });
});

type Facts = NonNullable<Parameters<Fixture['attest']>[0]>;

function withInput(name: RegExp, change: object) {
  return (recipe: Record<string, unknown>) => ({
    ...recipe,
    inputs: (recipe.inputs as { name: string }[]).map((one) =>
      name.test(one.name) ? { ...one, ...change } : one,
    ),
  });
}
