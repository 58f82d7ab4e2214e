import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../../daemons/lib/domain/date.ts';
import { buildLayout, type Layout, type LayoutKey } from '../../../../daemons/lib/domain/layout.ts';
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
import { advice, linkAdvice } from '../../../../daemons/rebuilderctl/verify/errors.ts';
import type { VerifyReport } from '../../../../daemons/rebuilderctl/verify/report.ts';
import { ArchiveServer } from '../../../support/archive-server.ts';
import { makeDeb } from '../../../support/deb.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';
import { type Ran, runWith } from '../run.ts';

const now = systemClock.now();
const apt = 'foo_1%3a1.0-1+b1_amd64.deb';
const pool = 'foo_1.0-1+b1_amd64.deb';
const metadata = 'sources/foo/1:1.0-1+b1/metadata';

let folder: string;
let gnupg: GnuPg;
let owner: LayoutKey;
let one: LayoutKey;
let two: LayoutKey;
let outdated: LayoutKey;
let deb: string;
let sha256: string;
let good: Artifacts;
/** Layouts that ask for one, and for two rebuilders. */
let root: string;
let both: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'verify-'));
  gnupg = openGnuPg();
  const made = (name: string) => readPublicKey(gnupg.exportKey(gnupg.makeKey(name)));
  [owner, one, two] = [made('owner'), made('one'), made('two')];
  const lastYear = String(Math.floor(now / 1_000) - 365 * 86_400);
  const args = ['--faked-system-time', lastYear, '--passphrase', ''];
  gnupg.gpg([...args, '--quick-generate-key', 'outdated', 'rsa2048', 'sign', '30d']);
  outdated = readPublicKey(gnupg.exportKey('outdated'));
  deb = join(folder, pool);
  makeDeb(deb, { package: 'foo', version: '1:1.0-1+b1', architecture: 'amd64' });
  sha256 = createHash('sha256').update(readFileSync(deb)).digest('hex');
  good = { [apt]: { sha256 }, [pool]: { sha256 } };
  root = await layoutFile();
  both = await layoutFile({}, 2);
});
afterAll(() => {
  gnupg.remove();
  rmSync(folder, { recursive: true, force: true });
});

function fresh(name: string): string {
  return mkdtempSync(join(folder, `${name}-`));
}

function fileOf(content: string): string {
  const file = join(fresh('file'), 'document');
  writeFileSync(file, content);
  return file;
}

/** The good package under another name. */
function copied(called: string): string {
  const file = join(fresh('copy'), called);
  copyFileSync(deb, file);
  return file;
}

function textOf(document: unknown): string {
  return formatMetablock(document as Metablock<JsonObject>);
}

function optionsOf(key: LayoutKey) {
  return { signer: gpgSigner(parseFingerprint(key.keyid), { home: gnupg.home }), key, now };
}

async function layoutFile(more: Partial<Layout> = {}, threshold = 1): Promise<string> {
  const layout = buildLayout({ rebuilders: [one, two], threshold, expires: layoutTime(now + dayMs) });
  return fileOf(textOf(await signLayout({ ...layout, ...more }, optionsOf(owner))));
}

/** A tree with the link that this rebuilder signed. */
async function publication(key: LayoutKey = one, products: Artifacts = good, more: Partial<Link> = {}) {
  return publish(textOf(await signDocument({ ...linkOf(products), ...more }, optionsOf(key))));
}

function publish(link: string): string {
  const tree = fresh('publication');
  mkdirSync(join(tree, metadata, '..'), { recursive: true });
  writeFileSync(join(tree, metadata), link);
  return tree;
}

function empty(): string {
  const tree = fresh('empty');
  mkdirSync(join(tree, 'sources'));
  return tree;
}

interface Asked {
  readonly file?: string;
  readonly layout?: string;
  readonly owner?: readonly string[];
  readonly publications?: readonly string[];
}

async function verify(asked: Asked, ...more: readonly string[]): Promise<Ran> {
  const { file = deb, layout = root, owner: owners = [owner.keyid] } = asked;
  const publications = asked.publications ?? [await publication()];
  const args = [
    ...['verify', file, '--layout', layout, '--gpg-home', gnupg.home],
    ...publications.flatMap((named) => ['--publication', named]),
    ...owners.flatMap((named) => ['--owner-key', named]),
  ];
  return runWith({}, [...args, ...more]);
}

async function report(asked: Asked): Promise<VerifyReport & { exit: number }> {
  const { code, out } = await verify(asked, '--json');
  return { ...(JSON.parse(out) as VerifyReport), exit: code };
}

describe('rebuilderctl verify', () => {
  it('accepts what the rebuilder of a folder, a file URL or a server vouches for', async () => {
    const tree = await publication();
    const server = await ArchiveServer.start(tree);
    try {
      for (const named of [tree, `${tree}/`, pathToFileURL(tree).href, `${server.url}/`]) {
        const { code, out } = await verify({ publications: [named] });
        expect([named, code, out]).toEqual([named, 0, expect.stringContaining('accepted: 1 rebuilder made')]);
        expect(out).toContain(`foo 1:1.0-1+b1 amd64, sha256 ${sha256}`);
        expect(out).toContain(`vouched for by key ${one.keyid.toUpperCase()}, ${named}`);
      }
      expect(server.requests).toEqual([`GET /${metadata}`]);
    } finally {
      await server.close();
    }
  });

  it('tells programs all of it in one object', async () => {
    const publications = [await publication(), await publication(two), empty(), publish('{}')];
    const file = fileOf('');
    writeFileSync(file, gnupg.gpg(['--armor', '--export', owner.keyid]));
    expect(await report({ layout: both, owner: [file], publications })).toEqual({
      exit: 0,
      file: deb,
      verdict: 'accepted',
      code: null,
      say: '2 rebuilders made these bytes, as the layout asks',
      next: null,
      package: { name: 'foo', version: '1:1.0-1+b1', architecture: 'amd64', sha256 },
      names: [apt, pool],
      vouchers: [one, two].map(({ keyid }, at) => ({
        ...{ step: 'rebuild', from: publications[at], key: keyid, signer: keyid },
      })),
      ignored: [{ from: publications[3], fault: 'malformed', say: 'signed: expected an object' }],
      publications: publications.map((named, at) => ({
        ...{ publication: named, path: metadata, answer: at === 2 ? 'absent' : 'link', say: null },
      })),
      evidence: null,
    });
  });

  const refusals: readonly (readonly [code: keyof typeof advice, asked: () => Promise<Asked> | Asked])[] = [
    ['layout-unreadable', async () => ({ layout: join(await publication(), metadata) })],
    ['layout-unsigned', () => ({ owner: [two.keyid] })],
    ['layout-unsigned', () => ({ owner: [owner.keyid, two.keyid] })],
    [
      'layout-signature-bad',
      () => ({
        layout: fileOf(readFileSync(root, 'utf8').replace('"readme": ""', '"readme": "x"')),
      }),
    ],
    [
      'owner-key-expired',
      () => {
        const text = readFileSync(root, 'utf8').replaceAll(
          `"keyid": "${owner.keyid}"`,
          `"keyid": "${outdated.keyid}"`,
        );
        return { layout: fileOf(text), owner: [outdated.keyid] };
      },
    ],
    ['layout-expired', async () => ({ layout: await layoutFile({ expires: layoutTime(now - dayMs) }) })],
    ['link-not-found', () => ({ publications: [empty()] })],
    ['link-not-found', async () => ({ layout: both, publications: [await publication(), empty()] })],
    ['link-not-found', async () => ({ publications: [await publication(owner)] })],
    ['link-not-found', async () => ({ publications: [await publication(one, good, { name: 'build' })] })],
    [
      'threshold-not-met',
      async () => {
        const link = readFileSync(join(await publication(), metadata), 'utf8');
        return { publications: [publish(link.replace(sha256, 'ab'.repeat(32)))] };
      },
    ],
    [
      'links-disagree',
      async () => ({
        layout: both,
        publications: [await publication(), await publication(two, { ...good, other: { sha256 } })],
      }),
    ],
    [
      'signature-unsupported',
      async () => {
        const plain = { keyid: one.keyid, keytype: 'ed25519', keyval: { public: '00', private: '' } };
        return { layout: await layoutFile({ keys: { [one.keyid]: plain, [two.keyid]: two } }) };
      },
    ],
    [
      'inspection-unsupported',
      async () => {
        const inspection = { _type: 'inspection', name: 'x', run: ['sh', '-c', 'touch pwned'] } as const;
        return {
          layout: await layoutFile({
            inspect: [{ ...inspection, expected_materials: [], expected_products: [] }],
          }),
        };
      },
    ],
    ['file-not-in-link', async () => ({ publications: [await publication(one, { other: { sha256 } })] })],
    [
      'hash-differs',
      () => {
        const file = join(fresh('other'), pool);
        makeDeb(file, { package: 'foo', version: '1:1.0-1+b1', architecture: 'amd64' }, 'other\n');
        return { file };
      },
    ],
    ['package-misnamed', () => ({ file: copied('bar_1%3a1.0-1+b1_amd64.deb') })],
    ['package-misnamed', () => ({ file: copied('foo_1.0-2_amd64.deb') })],
    ['package-misnamed', () => ({ file: copied('foo_1.0-1+b1_i386.deb') })],
    ['package-misnamed', () => ({ file: copied('foo_2%3a1.0-1+b1_amd64.deb') })],
    [
      'hash-set-differs',
      async () => ({ publications: [await publication(one, { [apt]: { sha256, sha512: 'ab' } })] }),
    ],
    ['rule-violated', async () => ({ publications: [await publication(one, good, { materials: good })] })],
  ];
  it.each(refusals)('refuses, and says what to do: %s', async (code, asked) => {
    const given = await asked();
    expect(await report(given)).toMatchObject({ exit: 1, verdict: 'refused', code, next: advice[code] });
    const { out } = await verify(given);
    expect(out).toContain(`refused: ${code}: `);
    expect(out).toContain(advice[code]);
  });

  it.each([
    apt,
    pool,
    'foo_1%3A1.0-1+b1_amd64.deb',
    'foo_1:1.0-1+b1_amd64.deb',
    'foo_1%3a1.0-1%2Bb1_amd64.deb',
    'foo.deb',
    'foo_amd64 (2).deb',
  ])('accepts a package that is called %s', async (called) => {
    expect(await report({ file: copied(called) })).toMatchObject({ exit: 0, verdict: 'accepted' });
  });

  it('says under which name the bytes are vouched for that apt does not ask for', async () => {
    const publications = [await publication(one, { [pool]: { sha256 } })];
    const { code, say } = await report({ publications });
    expect(code).toBe('file-not-in-link');
    expect(say).toContain(`with the same bytes it is there as ${pool}`);
  });

  const unjudged: readonly (readonly [code: keyof typeof advice, asked: () => Promise<Asked> | Asked])[] = [
    ['package-unreadable', () => ({ file: '/nonexistent.deb' })],
    ['package-unreadable', () => ({ file: fileOf('no package') })],
    ['layout-missing', () => ({ layout: '/nonexistent.layout' })],
    ['no-owner-key', () => ({ owner: [] })],
    ['owner-key-missing', () => ({ owner: ['F'.repeat(40)] })],
    ['owner-key-missing', () => ({ owner: ['/nonexistent.asc'] })],
    ['publication-unreachable', () => ({ publications: [fresh('without-sources')] })],
    ['publication-unreachable', () => ({ publications: ['http://127.0.0.1:9'] })],
    [
      'publication-unreachable',
      async () => ({ layout: both, publications: [await publication(), 'http://user:secret@127.0.0.1:9/x'] }),
    ],
  ];
  it.each(unjudged)('does not judge, and says what to do: %s', async (code, asked) => {
    const found = await report(await asked());
    expect(found).toMatchObject({ exit: 2, verdict: 'not-judged', code, next: advice[code] });
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  it('has been seen to tell every code', () => {
    const seen = [...refusals, ...unjudged].map(([code]) => code);
    expect([...new Set(seen)].sort()).toEqual(Object.keys(linkAdvice).sort());
  });

  it('judges without a publication that cannot be asked where the others suffice', async () => {
    const publications = [await publication(), 'http://127.0.0.1:9'];
    expect(await report({ publications })).toMatchObject({ exit: 0, verdict: 'accepted' });
  });

  it('refuses a publication that is neither a folder nor served', async () => {
    const { code, out, err } = await verify({ publications: ['ftp://example.org/'] });
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('expected a folder, or an http, https or file URL');
  });
});
