import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canonicalBytes } from '../../../../daemons/lib/contracts/documents/canonical.ts';
import { formatEnvelope, payloadTypes } from '../../../../daemons/lib/contracts/documents/dsse.ts';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../../daemons/lib/domain/date.ts';
import { buildLayout, type LayoutKey } from '../../../../daemons/lib/domain/layout.ts';
import { type Artifacts, type Link, linkOf } from '../../../../daemons/lib/domain/link.ts';
import {
  formatMetablock,
  type JsonObject,
  type Metablock,
} from '../../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../../daemons/lib/domain/names.ts';
import { gpgSigner } from '../../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import { layoutTime, signDocument, signLayout } from '../../../../daemons/lib/openpgp/sign.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';
import { exampleStatement } from '../../../support/sign-documents.ts';
import { type Ran, runWith } from '../run.ts';

const now = systemClock.now();
const good = 'ab'.repeat(32);
const other = 'cd'.repeat(32);

/** Three rebuilders' trees, and a system that has three packages of two sources. */
let folder: string;
let gnupg: GnuPg;
let owner: LayoutKey;
let keys: readonly LayoutKey[];
let trees: string[];
let layout: string;
let env: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorum-'));
  gnupg = openGnuPg();
  const made = (name: string) => readPublicKey(gnupg.exportKey(gnupg.makeKey(name)));
  owner = made('owner');
  keys = [made('one'), made('two'), made('three')];
  const signed = await signLayout(
    buildLayout({ rebuilders: keys, threshold: 2, expires: layoutTime(now + dayMs) }),
    optionsOf(owner),
  );
  layout = join(folder, 'root.layout');
  writeFileSync(layout, textOf(signed));
  const admin = join(folder, 'dpkg');
  mkdirSync(join(admin, 'info'), { recursive: true });
  const stanza = (name: string, version: string, architecture: string, source = '') =>
    `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: ${architecture}\n${source}Maintainer: x\nDescription: x\n\n`;
  writeFileSync(
    join(admin, 'status'),
    [
      stanza('foo', '1:1.0-1+b1', 'amd64', 'Source: foo-src (1:1.0-1)\n'),
      stanza('foo-data', '1:1.0-1', 'all', 'Source: foo-src\n'),
      stanza('bar', '2', 'amd64'),
    ].join(''),
  );
  env = { DPKG_ADMINDIR: admin, APT_CONFIG: '/dev/null' };
});
beforeEach(() => {
  trees = keys.map(() => {
    const tree = mkdtempSync(join(folder, 'tree-'));
    mkdirSync(join(tree, 'sources'));
    return tree;
  });
});
afterAll(() => {
  gnupg.remove();
  rmSync(folder, { recursive: true, force: true });
});

function textOf(document: unknown): string {
  return formatMetablock(document as Metablock<JsonObject>);
}
function optionsOf(key: LayoutKey) {
  return { signer: gpgSigner(parseFingerprint(key.keyid), { home: gnupg.home }), key, now };
}
function put(at: number, path: string, content: string): void {
  const file = join(trees[at] ?? '', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

const files = {
  foo: 'foo_1%3a1.0-1+b1_amd64.deb',
  'foo-data': 'foo-data_1%3a1.0-1_all.deb',
  bar: 'bar_2_amd64.deb',
};
const versions = { foo: '1:1.0-1+b1', 'foo-data': '1:1.0-1', bar: '2' };

async function publish(at: number, name: keyof typeof files, sha256 = good, more: Artifacts = {}, by = at) {
  await publishLink(at, name, linkOf({ [files[name]]: { sha256 }, ...more }), by);
}
async function publishLink(at: number, name: keyof typeof files, link: Link, by = at) {
  const key = keys[by];
  if (key === undefined) throw new Error('no key');
  const signed = await signDocument(link, optionsOf(key));
  put(at, `sources/${name}/${versions[name]}/metadata`, textOf(signed));
}
function ask(...args: readonly string[]): Promise<Ran> {
  const rebuilders = trees.flatMap((tree) => ['--rebuilder', tree]);
  return runWith({}, ['quorum', ...rebuilders, ...args], { env });
}
const trusting = () => ['--layout', layout, '--owner-key', owner.keyid, '--gpg-home', gnupg.home];
async function askJson(...args: readonly string[]) {
  const { code, out, err } = await ask(...args, '--json');
  const rows = out
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { code, rows, err };
}

describe('rebuilderctl quorum', () => {
  it('tells of each installed package whether enough rebuilders agree', async () => {
    for (const at of [0, 1]) await publish(at, 'foo');
    for (const at of [0, 1, 2]) await publish(at, 'bar');
    await publish(0, 'foo-data');
    const { code, out } = await ask('--installed', ...trusting());
    expect(code).toBe(1);
    expect(out).toMatch(
      /^foo-data +1:1\.0-1 +all +short +refuses +.* made abababababab; .* has none; .* has none$/m,
    );
    expect(out).toContain('2 agreed: enough rebuilders made the same bytes');
    expect(out).toContain('1 short: too few rebuilders made it');
    const { rows } = await askJson('--installed', ...trusting());
    expect(rows.map(({ package: name, outcome, apt }) => [name, outcome, apt]).sort()).toEqual([
      ['bar', 'agreed', true],
      ['foo', 'agreed', true],
      ['foo-data', 'short', false],
    ]);
  });

  it('shows one package whole, and ends with 0 where enough agree', async () => {
    for (const at of [0, 1]) await publish(at, 'bar');
    const { code, out } = await ask('bar', ...trusting());
    expect(code).toBe(0);
    expect(out).toMatch(/^bar +2 +amd64 +agreed +accepts /m);
  });

  it('raises an alarm when links differ, and says who is outvoted', async () => {
    await publish(0, 'bar');
    await publish(1, 'bar', other);
    expect(await askJson('bar', ...trusting())).toMatchObject({
      code: 3,
      rows: [{ outcome: 'disagreed', apt: false }],
    });
    await publish(2, 'bar');
    const { code, rows } = await askJson('bar', ...trusting());
    expect([code, rows[0].outcome, rows[0].apt, rows[0].sha256, rows[0].votes]).toEqual([
      3,
      'outvoted',
      false,
      good,
      2,
    ]);
  });

  it('raises it, too, when a rebuilder says that it made other bytes', async () => {
    await publish(0, 'foo');
    const { predicate, ...statement } = exampleStatement('unreproducible');
    if (predicate.verdict !== 'unreproducible') throw new Error('not the example');
    const file = (sha256: string) => [{ name: 'foo_1.0-1+b1_amd64.deb', digest: { sha256 } }];
    const document = { ...statement, subject: file(good), predicate: { ...predicate, rebuilt: file(other) } };
    const envelope = formatEnvelope(payloadTypes.statement, canonicalBytes(document), {
      keyid: 'ab'.repeat(32),
      signature: '00'.repeat(64),
    });
    put(1, 'unreproducible/sources/foo-src/1.0-1+b1/statement.amd64.intoto.jsonl', envelope);
    const { code, rows } = await askJson('foo', ...trusting());
    expect([code, rows[0].outcome, rows[0].rebuilders[1]]).toMatchObject([
      3,
      'disagreed',
      { says: 'differs', sha256: other },
    ]);
  });

  it('tells apart what apt refuses though nobody made other bytes', async () => {
    await publish(0, 'bar');
    await publish(1, 'bar', good, { 'bar_2_arm64.deb': { sha256: other } });
    expect(await askJson('bar', ...trusting())).toMatchObject({
      code: 1,
      rows: [{ outcome: 'uneven', apt: false }],
    });
  });

  it('accepts nothing that apt refuses by the same links', async () => {
    const bar = files.bar;
    const both = { sha256: good, sha512: 'ef'.repeat(64) };
    const cases: readonly (readonly [string, string, readonly Link[]])[] = [
      [
        'one lists other files alone',
        'uneven',
        [
          linkOf({ [bar]: { sha256: good } }),
          linkOf({ [bar]: { sha256: good } }),
          linkOf({ x: { sha256: other } }),
        ],
      ],
      [
        'materials differ',
        'uneven',
        [
          linkOf({ [bar]: { sha256: good } }),
          { ...linkOf({ [bar]: { sha256: good } }), materials: { x: { sha256: other } } },
        ],
      ],
      ['a second hash', 'uneven', [linkOf({ [bar]: both }), linkOf({ [bar]: both })]],
    ];
    for (const [what, outcome, links] of cases) {
      for (const [at, link] of links.entries()) await publishLink(at, 'bar', link);
      expect(await askJson('bar', ...trusting()), what).toMatchObject({
        code: 1,
        rows: [{ outcome, apt: false }],
      });
      for (const at of links.keys()) rmSync(join(trees[at] ?? '', 'sources/bar'), { recursive: true });
    }
  });

  it('takes with apt the first key’s link where one suffices', async () => {
    const one = join(folder, 'one.layout');
    const signed = await signLayout(
      buildLayout({ rebuilders: keys, threshold: 1, expires: layoutTime(now + dayMs) }),
      optionsOf(owner),
    );
    writeFileSync(one, textOf(signed));
    const asked = () => askJson('bar', '--layout', one, ...trusting().slice(2));
    for (const differing of [0, 1]) {
      for (const at of [0, 1, 2]) await publish(at, 'bar', at === differing ? other : good);
      const rows = [{ outcome: 'outvoted', sha256: good, apt: differing !== 0 }];
      expect(await asked()).toMatchObject({ code: 3, rows });
    }
  });

  it('counts no link by a key that the layout does not name for it, nor one that was changed', async () => {
    await publish(0, 'bar');
    await publish(1, 'bar', good, {}, 0);
    put(2, 'sources/bar/2/metadata', '{"signatures": [], "signed": {}}');
    const { rows } = await askJson('bar', ...trusting());
    expect(rows[0]).toMatchObject({ outcome: 'short', votes: 1, rebuilders: [{}, {}, { says: 'refused' }] });
  });

  it('knows nothing of what it could not ask, and says without a layout that nothing was checked', async () => {
    await publish(0, 'bar');
    trees = [trees[0] ?? '', 'http://127.0.0.1:9'];
    const { code, rows, err } = await askJson('bar');
    expect([code, rows[0].outcome, rows[0].rebuilders[1].says]).toEqual([1, 'unknown', 'unreachable']);
    expect(err).toContain('without --layout nobody’s signature is checked');
  });

  it('asks for the version that is named, or says that nobody here knows it', async () => {
    expect((await ask('nothing-here')).err).toContain('nothing-here: neither installed nor known to apt');
    expect((await ask('bar=3')).err).toContain('bar=3: neither installed nor known to apt');
    expect((await ask('bar=2', '--threshold', '1')).code).toBe(1);
    expect((await ask()).err).toContain('expected packages, or --installed');
    expect((await ask('bar', '--threshold', '0')).err).toContain('expected a number from 1');
  });

  it('stops at a layout that its owner did not sign', async () => {
    const { code, err } = await ask(
      'bar',
      '--layout',
      layout,
      '--owner-key',
      keys[0]?.keyid ?? '',
      '--gpg-home',
      gnupg.home,
    );
    expect(code).toBe(2);
    expect(err).toContain('layout-unsigned: ');
  });
});
