import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../daemons/lib/domain/date.ts';
import { buildLayout, type LayoutKey } from '../../../daemons/lib/domain/layout.ts';
import { type Artifacts, linkOf, mergedLinkName } from '../../../daemons/lib/domain/link.ts';
import { formatMetablock, type JsonObject, type Metablock } from '../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { VerificationError, verifyFile } from '../../../daemons/lib/intoto/verify.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { layoutTime, signDocument, signLayout } from '../../../daemons/lib/openpgp/sign.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { bothInTotos, type InToto } from '../../support/in-toto/programs.ts';

const now = systemClock.now();
const deb = 'the package\n';
const name = 'foo_1%3a1.0-1_amd64.deb';
const sha256 = createHash('sha256').update(deb).digest('hex');
/** Names that sort, escape and encode differently everywhere. */
const oddNames = ['ünï😀.deb', '\uffff.deb', 'q"\\.deb', 'é.deb', 'tab\there'];
const products: Artifacts = Object.fromEntries([name, ...oddNames].map((one) => [one, { sha256 }]));
const many = 10_000;

let folder: string;
let gnupg: GnuPg;
let owner: LayoutKey;
let keys: readonly (readonly [string, LayoutKey])[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'both-ways-'));
  gnupg = openGnuPg();
  const publicKey = (fingerprint: string) => readPublicKey(gnupg.exportKey(fingerprint));
  owner = publicKey(gnupg.makeKey('Owner', 'rsa3072'));
  const primary = gnupg.makeKey('With a signing subkey', 'rsa2048', 'cert');
  gnupg.addSubkey(primary, 'rsa3072', 'sign', '1y');
  keys = [
    ['RSA 2048', publicKey(gnupg.makeKey('a', 'rsa2048'))],
    ['RSA 3072', publicKey(gnupg.makeKey('b', 'rsa3072', 'sign', '2y'))],
    ['RSA 4096', publicKey(gnupg.makeKey('c', 'rsa4096'))],
    ['an RSA subkey', publicKey(primary)],
    ['Ed25519', publicKey(gnupg.makeKey('d', 'ed25519'))],
  ];
});
afterAll(() => {
  gnupg.remove();
  rmSync(folder, { recursive: true, force: true });
});

function layoutBy(rebuilders: readonly LayoutKey[], threshold = 1) {
  return buildLayout({ rebuilders, threshold, expires: layoutTime(now + dayMs), readme: 'Ünïcode 😀 "\\' });
}

async function ourLayout(rebuilders: readonly LayoutKey[], threshold = 1): Promise<string> {
  const signer = gpgSigner(parseFingerprint(owner.keyid), { home: gnupg.home });
  return textOf(await signLayout(layoutBy(rebuilders, threshold), { signer, key: owner, now }));
}

async function ourLink(key: LayoutKey, of: Artifacts = products): Promise<string> {
  const signer = gpgSigner(parseFingerprint(key.keyid), { home: gnupg.home });
  return textOf(await signDocument(linkOf(of), { signer, key, now }));
}

function textOf(document: unknown): string {
  return formatMetablock(document as Metablock<JsonObject>);
}

/** What in-toto says in a folder with the package and the links, as apt's transport has it. */
function theirVerdict(inToto: InToto, layout: string, links: readonly string[], content = deb): string {
  const work = mkdtempSync(join(folder, 'verify-'));
  writeFileSync(join(work, name), content);
  for (const link of links) {
    const { signatures } = JSON.parse(link) as { signatures: { keyid: string }[] };
    writeFileSync(join(work, mergedLinkName(signatures[0]?.keyid ?? '')), link);
  }
  writeFileSync(join(work, '..', 'root.layout'), layout);
  const args = ['-l', '../root.layout', '-g', owner.keyid, '--gpg-home', gnupg.home];
  return inToto.run('verify', args, work);
}

function ourVerdict(layout: string, links: readonly string[], content = deb): string {
  const hash = createHash('sha256').update(content).digest('hex');
  const from = links.map((untrusted, at) => ({ from: String(at), untrusted }));
  try {
    verifyFile({ layout, ownerKeys: [owner], links: from, file: { name, sha256: hash }, now });
    return 'ok';
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
}

describe.each(bothInTotos().map((inToto) => [inToto.version, inToto] as const))('%s', (_version, inToto) => {
  it('accepts our layouts and links by every kind of key, and refuses other bytes, as we do', async () => {
    for (const [kind, key] of keys) {
      const [layout, links] = [await ourLayout([key]), [await ourLink(key)]];
      expect(theirVerdict(inToto, layout, links), kind).toBe('ok');
      expect(ourVerdict(layout, links), kind).toBe('ok');
      expect(theirVerdict(inToto, layout, links, 'other'), kind).toContain('RuleVerificationError');
      expect(ourVerdict(layout, links, 'other'), kind).toBe('hash-differs');
    }
  });

  it(`accepts our link of ${many} products, and a threshold of all keys, as we do`, async () => {
    const long = Object.fromEntries(Array.from({ length: many }, (_, at) => [`ü${at}.deb`, { sha256 }]));
    const of = { ...long, ...products };
    const parts = keys.map(([, key]) => key);
    const layout = await ourLayout(parts, parts.length);
    const links = await Promise.all(parts.map((key) => ourLink(key, of)));
    expect(theirVerdict(inToto, layout, links)).toBe('ok');
    expect(ourVerdict(layout, links)).toBe('ok');
    const [first = owner, ...others] = parts;
    const other = await ourLink(first, { ...of, more: { sha256 } });
    const differing = [other, ...links.slice(-others.length)];
    expect(theirVerdict(inToto, layout, differing)).toContain('ThresholdVerificationError');
    expect(ourVerdict(layout, differing)).toBe('links-disagree');
  });

  /** Its own layout and a link that it made of the package and files of odd names. */
  function theirLayout(rebuilders: readonly LayoutKey[]): string {
    const file = join(mkdtempSync(join(folder, 'sign-')), 'root.layout');
    writeFileSync(file, textOf({ signatures: [], signed: layoutBy(rebuilders) }));
    const told = inToto.run('sign', ['-f', file, '-g', owner.keyid, '--gpg-home', gnupg.home], folder);
    expect(told).toBe('ok');
    return readFileSync(file, 'utf8');
  }

  function furnished(): string {
    const work = mkdtempSync(join(folder, 'made-'));
    for (const one of [name, ...oddNames]) writeFileSync(join(work, one), deb);
    return work;
  }

  function linkIn(work: string): string {
    const file = readdirSync(work).find((one) => one.endsWith('.link')) ?? '';
    return readFileSync(join(work, file), 'utf8');
  }

  it('makes layouts and links by every kind of key that we accept, and refuse when a byte of them changed', () => {
    for (const [kind, key] of keys) {
      const layout = theirLayout([key]);
      const work = furnished();
      const signer = ['-n', 'rebuild', '-g', key.keyid, '--gpg-home', gnupg.home];
      expect(inToto.run('run', [...signer, '-s', '-p', '.', '--', 'echo', 'ü😀"\\'], work)).toBe('ok');
      const link = linkIn(work);
      expect(JSON.parse(link)).toMatchObject({ signed: { byproducts: { stdout: 'ü😀"\\\n' } } });
      expect(ourVerdict(layout, [link]), kind).toBe('ok');
      expect(ourVerdict(layout, [link], 'other'), kind).toBe('hash-differs');
      expect(ourVerdict(layout, [link.replace('"echo"', '"ecxo"')]), kind).toBe('threshold-not-met');
      expect(ourVerdict(layout.replace('"readme": "', '"readme": "x'), [link]), kind).toBe(
        'layout-signature-bad',
      );
    }
  });

  it(`makes links of ${many} products, and by in-toto-record, that we accept`, () => {
    const [, key] = keys[0] ?? [];
    if (key === undefined) throw new Error('no key');
    const layout = theirLayout([key]);
    const signer = ['-n', 'rebuild', '-g', key.keyid, '--gpg-home', gnupg.home];
    const work = furnished();
    mkdirSync(join(work, 'more'));
    for (let at = 0; at < many; at++) writeFileSync(join(work, 'more', `${at}ü.deb`), '');
    expect(inToto.run('run', [...signer, '-x', '-p', '.'], work)).toBe('ok');
    const link = linkIn(work);
    expect(Object.keys((JSON.parse(link) as { signed: { products: object } }).signed.products)).toHaveLength(
      many + 1 + oddNames.length,
    );
    expect(ourVerdict(layout, [link])).toBe('ok');

    const recorded = mkdtempSync(join(folder, 'recorded-'));
    expect(inToto.run('record', ['start', ...signer], recorded)).toBe('ok');
    for (const one of [name, ...oddNames]) writeFileSync(join(recorded, one), deb);
    expect(inToto.run('record', ['stop', ...signer, '-p', '.'], recorded)).toBe('ok');
    expect(ourVerdict(layout, [linkIn(recorded)])).toBe('ok');
  });
});
