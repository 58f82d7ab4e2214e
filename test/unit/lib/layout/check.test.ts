import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../../daemons/lib/domain/date.ts';
import {
  buildLayout,
  type Layout,
  type LayoutKey,
  parseLayout,
} from '../../../../daemons/lib/domain/layout.ts';
import { type Link, linkOf } from '../../../../daemons/lib/domain/link.ts';
import {
  formatMetablock,
  type JsonObject,
  type Signature,
} from '../../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../../daemons/lib/domain/names.ts';
import { type CheckOptions, checkLayout } from '../../../../daemons/lib/layout/check.ts';
import { advice } from '../../../../daemons/lib/layout/findings.ts';
import { gpgSigner } from '../../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import { layoutTime, signDocument, signLayout } from '../../../../daemons/lib/openpgp/sign.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';
import { type Json, overTheWire, placesOf, replaced } from '../../../support/json-places.ts';
import { askPython } from '../../../support/python.ts';

const now = systemClock.now();
const created = Math.floor(now / 1_000) - 100 * 86_400;
/** So many days from now, as the validity of a key that is a hundred days old. */
const validFor = (days: number) => (100 + days) * 86_400;

function key(start: string, more: Partial<LayoutKey> = {}): LayoutKey {
  return {
    type: 'rsa',
    method: 'pgp+rsa-pkcsv1.5',
    hashes: ['pgp+SHA2'],
    keyid: start.padEnd(40, '0'),
    keyval: { private: '', public: { e: '010001', n: 'c'.repeat(768) } },
    creation_time: created,
    ...more,
  };
}
const one = key('11');
const two = key('22');

function layoutOf(rebuilders: readonly LayoutKey[], threshold = 1, expiresInDays = 365): Layout {
  return buildLayout({ rebuilders, threshold, expires: layoutTime(now + expiresInDays * dayMs) });
}

/** What is found of a layout about whose signatures nobody asks. */
function found(layout: Layout, more: Partial<CheckOptions> = {}) {
  const signatures: readonly Signature[] = [{ keyid: 'aa', sig: 'bb' }];
  return checkLayout({ layout, signatures, owners: [], rebuilders: [], now, ...more });
}

function codes(layout: Layout, more: Partial<CheckOptions> = {}): readonly string[] {
  return found(layout, more).map(({ code }) => code);
}

function withStep(layout: Layout, step: Partial<Layout['steps'][number]>): Layout {
  return { ...layout, steps: layout.steps.map((old) => ({ ...old, ...step })) };
}

describe('checkLayout', () => {
  it('finds nothing in a layout that is well', () => {
    expect(found(layoutOf([one, two], 2))).toEqual([]);
    const lasting = key('33', { validity_period: validFor(61), subkeys: { [two.keyid]: two } });
    expect(found(layoutOf([lasting], 1, 61))).toEqual([]);
  });

  it('warns of the end 60 days ahead, and tells it when it has come', () => {
    expect(codes(layoutOf([one], 1, 59))).toEqual(['expires-soon']);
    expect(codes(layoutOf([one], 1, -1))).toEqual(['expired']);
  });

  it('counts only keys that could sign a link today', () => {
    const gone = key('33', { validity_period: validFor(-1) });
    expect(codes(layoutOf([one, gone]))).toEqual(['key-expired']);
    expect(found(layoutOf([one, gone], 2))).toMatchObject([
      {
        code: 'threshold-unreachable',
        say: 'step rebuild asks for 2 rebuilders, and 1 of its keys can be used',
      },
      { code: 'key-expired', subject: gone.keyid },
    ]);
    expect(codes(withStep(layoutOf([one]), { threshold: 0 }))).toEqual(['threshold-none']);
    const twice = withStep(layoutOf([one]), { pubkeys: [one.keyid, one.keyid], threshold: 2 });
    expect(codes(twice)).toEqual(['threshold-unreachable']);
  });

  it('warns of keys and subkeys that end, once where they end together', () => {
    const soon = { validity_period: validFor(59) };
    expect(codes(layoutOf([key('33', soon)]))).toEqual(['key-expires-soon']);
    const subkey = key('44', soon);
    expect(codes(layoutOf([key('33', { subkeys: { [subkey.keyid]: subkey } })]))).toEqual([
      'subkey-expires-soon',
    ]);
    expect(codes(layoutOf([key('33', { ...soon, subkeys: { [subkey.keyid]: subkey } })]))).toEqual([
      'key-expires-soon',
    ]);
    const gone = key('44', { validity_period: validFor(-1) });
    expect(found(layoutOf([key('33', { subkeys: { [gone.keyid]: gone } })]))).toMatchObject([
      {
        code: 'subkey-expired',
        subject: gone.keyid,
        next: expect.stringContaining(`--quick-add-key ${'33'.padEnd(40, '0')} `),
      },
    ]);
  });

  it('takes a zero for no limit, as securesystemslib does', () => {
    expect(found(layoutOf([key('33', { validity_period: 0 })]))).toEqual([]);
    expect(found(layoutOf([key('33', { creation_time: 0, validity_period: 5 })]))).toEqual([]);
  });

  it('finds keys that are missing, that no step names, that are weak, and that share a file', () => {
    const without = withStep(layoutOf([one]), { pubkeys: [one.keyid, two.keyid], threshold: 2 });
    expect(codes(without)).toEqual(['key-missing', 'threshold-unreachable']);
    expect(codes(withStep(layoutOf([one, two]), { pubkeys: [one.keyid] }))).toEqual(['key-unnamed']);
    const weak = key('33', { keyval: { private: '', public: { e: '010001', n: 'c'.repeat(256) } } });
    expect(codes(layoutOf([weak]))).toEqual(['threshold-unreachable', 'key-unusable']);
    const like = key(`${one.keyid.slice(0, 8)}ff`);
    const both = layoutOf([one]);
    const collides = {
      ...withStep(both, { pubkeys: [one.keyid, like.keyid] }),
      keys: { ...both.keys, [like.keyid]: like },
    };
    expect(codes(collides)).toEqual(['key-collision']);
  });

  it('takes a subkey that a step names for that subkey alone', () => {
    const subkey = key('44');
    const gone = key('33', { validity_period: validFor(-1), subkeys: { [subkey.keyid]: subkey } });
    expect(codes(withStep(layoutOf([gone]), { pubkeys: [subkey.keyid] }))).toEqual(['key-expired']);
    const expired = key('44', { validity_period: validFor(-1) });
    const holder = key('33', { subkeys: { [expired.keyid]: expired } });
    expect(codes(withStep(layoutOf([holder]), { pubkeys: [expired.keyid] }))).toEqual([
      'threshold-unreachable',
      'subkey-expired',
    ]);
  });

  it('leaves keys that are not of gpg their say', () => {
    const plain = { keyid: 'cc'.repeat(32), keytype: 'ed25519', scheme: 'ed25519', keyval: { public: 'dd' } };
    const layout = { ...layoutOf([one]), keys: { [plain.keyid]: plain } };
    expect(codes(withStep(layout, { pubkeys: [plain.keyid] }))).toEqual([]);
  });

  it('wants a step of rebuilders', () => {
    expect(codes(withStep(layoutOf([one]), { name: 'build' }))).toEqual(['step-missing']);
  });

  it('compares the copies in the layout with the keys of today', () => {
    const today = { ...one, validity_period: validFor(900) };
    const known = (key: LayoutKey, unusable?: string) => ({ rebuilders: [{ key, unusable }] });
    expect(codes(layoutOf([one]), known(one))).toEqual([]);
    expect(codes(layoutOf([one]), known(today))).toEqual(['key-outdated']);
    expect(codes(layoutOf([one]), known(two))).toEqual(['key-missing']);
    expect(found(layoutOf([one]), known(one, 'it is revoked'))).toMatchObject([
      { code: 'key-unusable', say: `key ${one.keyid} cannot be used: it is revoked` },
    ]);
  });

  it('answers any layout that can be read with findings of the closed set, each with what to do', () => {
    const good = overTheWire(layoutOf([one, key('33', { subkeys: { [two.keyid]: two } })], 2));
    const places = placesOf(good);
    const noise = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }).map(overTheWire),
      fc.constantFrom<Json>(-1, 0, 2 ** 31 - 1, [], {}, 'ab', one.keyid, '2020-01-01T00:00:00Z', 'toString'),
    );
    let read = 0;
    fc.assert(
      fc.property(fc.constantFrom(...places), noise, ({ steps }, by) => {
        let layout: Layout;
        try {
          layout = parseLayout(replaced(good, steps, by) as unknown as JsonObject);
        } catch {
          return;
        }
        read += 1;
        for (const { code, subject, say, next } of found(layout, { owners: [one] })) {
          expect(Object.keys(advice)).toContain(code);
          expect([subject, say, next].every((text) => text.length > 0)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(read).toBeGreaterThan(10);
  });
});

describe('checkLayout, before in-toto', () => {
  let gnupg: GnuPg;
  const fingerprints: Record<string, string> = {};
  beforeAll(() => {
    gnupg = openGnuPg();
    fingerprints.owner = gnupg.makeKey('Owner', 'rsa2048', 'sign', '2y');
    fingerprints.other = gnupg.makeKey('Other', 'rsa2048', 'sign', '10d');
    const subkeys = gnupg.makeKey('Subkeys', 'rsa2048', 'cert');
    gnupg.addSubkey(subkeys, 'rsa2048', 'sign', '10d');
    fingerprints.subkeys = subkeys;
  });
  afterAll(() => gnupg.remove());

  const judge = `
import json, sys
from in_toto.models.layout import Layout
from in_toto.models.metadata import Metablock
from in_toto.verifylib import verify_layout_expiration, verify_layout_signatures
def verdict(case):
  try:
    block = Metablock(signed=Layout.read(case["signed"]), signatures=case["signatures"])
    verify_layout_signatures(block, {case["key"]["keyid"]: case["key"]})
    verify_layout_expiration(block.signed)
    return "good"
  except Exception as error:
    return type(error).__name__
print(json.dumps([verdict(case) for case in json.load(sys.stdin)]))
`;

  it('refuses of signatures what in-toto refuses', async () => {
    const keys = new Map<string, LayoutKey>();
    for (const [name, fingerprint] of Object.entries(fingerprints)) {
      keys.set(name, readPublicKey(gnupg.exportKey(fingerprint)));
    }
    const owner = keys.get('owner') as LayoutKey;
    const sign = async (name: string, layout: Layout) => {
      const by = keys.get(name) as LayoutKey;
      const signer = gpgSigner(parseFingerprint(by.keyid), { home: gnupg.home });
      return (await signLayout(layout, { signer, key: by, now })).signatures;
    };
    const layout = layoutOf([one]);
    const changed = { ...layout, readme: 'changed' };
    const late = layoutOf([one], 1, -1);
    const [mine = { keyid: 'aa', sig: 'bb' }] = await sign('owner', layout);
    const others = await sign('other', layout);
    const bad = { ...mine, signature: `00${'signature' in mine ? mine.signature.slice(2) : ''}` };
    const gone = { ...owner, creation_time: created, validity_period: validFor(-1) };
    const cases: [Layout, readonly Signature[], LayoutKey, readonly string[], string][] = [
      [layout, [mine], owner, [], 'good'],
      [layout, [...others, mine], owner, [], 'good'],
      [changed, [mine], owner, ['signature-bad'], 'SignatureVerificationError'],
      [layout, [bad], owner, ['signature-bad'], 'SignatureVerificationError'],
      // The first of a key is the one that counts.
      [layout, [bad, mine], owner, ['signature-bad'], 'SignatureVerificationError'],
      [layout, [{ keyid: owner.keyid, sig: 'ab' }], owner, ['signature-bad'], 'FormatError'],
      [layout, others, owner, ['signature-missing'], 'SignatureVerificationError'],
      [layout, [], owner, ['signature-missing'], 'SignatureVerificationError'],
      [layout, [mine], gone, ['owner-key-expired'], 'KeyExpirationError'],
      [late, await sign('owner', late), owner, ['expired'], 'LayoutExpiredError'],
      [layout, others, keys.get('other') as LayoutKey, ['owner-key-expires-soon'], 'good'],
      [
        layout,
        await sign('subkeys', layout),
        keys.get('subkeys') as LayoutKey,
        ['owner-key-expires-soon'],
        'good',
      ],
    ];
    expect(cases.map(([signed, signatures, by]) => codes(signed, { signatures, owners: [by] }))).toEqual(
      cases.map(([, , , wanted]) => wanted),
    );
    const asked = cases.map(([signed, signatures, by]) => ({ signed, signatures, key: by }));
    expect(askPython(judge, asked)).toEqual(cases.map(([, , , , verdict]) => verdict));
    expect(codes(layout, { signatures: [] })).toEqual(['unsigned']);
  });

  it('finds a threshold out of reach where in-toto-verify is not satisfied by links of every key', async () => {
    const named = (name: string) => readPublicKey(gnupg.exportKey(fingerprints[name] ?? ''));
    const [owner, other, subkeys] = [named('owner'), named('other'), named('subkeys')];
    const signedBy = async <T extends Layout | Link>(document: T, by: LayoutKey) => {
      const signer = gpgSigner(parseFingerprint(by.keyid), { home: gnupg.home });
      return formatMetablock((await signDocument(document, { signer, key: by, now })) as never);
    };
    const expired = { creation_time: created, validity_period: validFor(-1) };
    const [subkey] = Object.values(subkeys.subkeys ?? {}) as [LayoutKey];
    const withExpired = { ...subkeys, ...expired, subkeys: { [subkey.keyid]: { ...subkey, ...expired } } };
    const cases: [Layout, boolean][] = [
      [layoutOf([other, subkeys], 2), true],
      [layoutOf([{ ...other, ...expired }, subkeys], 1), true],
      [layoutOf([{ ...other, ...expired }, subkeys], 2), false],
      [layoutOf([other, withExpired], 2), false],
      // The primary part is over, and the subkey that signs is not.
      [layoutOf([other, { ...subkeys, ...expired }], 2), true],
      [withStep(layoutOf([other]), { pubkeys: [other.keyid, other.keyid], threshold: 2 }), false],
    ];
    const dir = mkdtempSync(join(tmpdir(), 'verify-'));
    try {
      writeFileSync(join(dir, `rebuild.${other.keyid.slice(0, 8)}.link`), await signedBy(linkOf({}), other));
      writeFileSync(
        join(dir, `rebuild.${subkey.keyid.slice(0, 8)}.link`),
        await signedBy(linkOf({}), subkeys),
      );
      for (const [layout, isReachable] of cases) {
        writeFileSync(join(dir, 'root.layout'), await signedBy(layout, owner));
        const args = ['-l', 'root.layout', '-g', owner.keyid, '--gpg-home', gnupg.home];
        const { status, stderr } = spawnSync('in-toto-verify', args, { cwd: dir, encoding: 'utf8' });
        expect(status, stderr).toBe(isReachable ? 0 : 1);
        expect(codes(layout).includes('threshold-unreachable')).toBe(!isReachable);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
