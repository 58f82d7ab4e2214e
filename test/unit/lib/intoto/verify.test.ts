import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../../daemons/lib/domain/date.ts';
import { buildLayout, type Layout } from '../../../../daemons/lib/domain/layout.ts';
import { type Artifacts, linkOf } from '../../../../daemons/lib/domain/link.ts';
import { formatMetablock, type JsonObject } from '../../../../daemons/lib/domain/metablock.ts';
import {
  VerificationError,
  type VerifyFileOptions,
  verifyFile,
} from '../../../../daemons/lib/intoto/verify.ts';
import { layoutTime } from '../../../../daemons/lib/openpgp/sign.ts';
import { gpgKey, plainKey, type TestKey } from '../../../support/in-toto/keys.ts';
import { textsUpTo } from '../../../support/texts.ts';

const now = systemClock.now();
const ended = { creation_time: Math.floor(now / 1_000) - 100, validity_period: 10 };
const owner = gpgKey('rsa');
const stranger = gpgKey('eddsa');
const subkey = gpgKey('rsa');
const [one, two, three] = [gpgKey('rsa'), gpgKey('rsa', {}, [subkey]), gpgKey('eddsa')];
const expired = gpgKey('eddsa', ended);

const sha256 = 'ab'.repeat(32);
const name = 'foo_1%3a1.0-1_amd64.deb';
const file = { name, sha256 };
const good: Artifacts = { [name]: { sha256 }, 'foo_1.0-1_amd64.deb': { sha256 } };

function layoutOf(threshold = 1, more: Partial<Layout> = {}): JsonObject {
  const rebuilders = [one.key, two.key, three.key, expired.key];
  return {
    ...buildLayout({ rebuilders, threshold, expires: layoutTime(now + dayMs) }),
    ...more,
  } as unknown as JsonObject;
}

function signed(document: JsonObject, by: readonly TestKey[]): string {
  return formatMetablock({ signatures: by.map((key) => key.sign(document)), signed: document });
}

function linkBy(key: TestKey, products = good, more: JsonObject = {}): string {
  return signed({ ...linkOf(products), ...more } as unknown as JsonObject, [key]);
}

/** Answers of rebuilders called a, b, c, ... */
function from(...links: readonly string[]): VerifyFileOptions['links'] {
  return links.map((untrusted, at) => ({ from: 'abcdef'[at] ?? '', untrusted }));
}

function options(more: Partial<VerifyFileOptions> = {}): VerifyFileOptions {
  const layout = signed(layoutOf(), [owner]);
  return { layout, ownerKeys: [owner.key], links: from(linkBy(one)), file, now, ...more };
}

function refusal(more: Partial<VerifyFileOptions>): VerificationError {
  try {
    verifyFile(options(more));
  } catch (error) {
    expect(error).toBeInstanceOf(VerificationError);
    return error as VerificationError;
  }
  throw new Error('accepted');
}

const underTwo = signed(layoutOf(2), [owner]);

describe('verifyFile', () => {
  it('says who vouches for a file', () => {
    expect(verifyFile(options())).toEqual({
      vouchers: [{ step: 'rebuild', from: 'a', key: one.keyid, signer: one.keyid }],
      ignored: [],
    });
    const links = from(linkBy(three), linkBy(subkey), 'garbage');
    expect(verifyFile(options({ layout: underTwo, links }))).toEqual({
      vouchers: [
        { step: 'rebuild', from: 'b', key: two.keyid, signer: subkey.keyid },
        { step: 'rebuild', from: 'a', key: three.keyid, signer: three.keyid },
      ],
      ignored: [{ from: 'c', fault: 'malformed', say: 'not JSON' }],
    });
  });

  it('compares the link of the first key alone under a threshold of 1, and says who lists something else', () => {
    const links = from(linkBy(two, { other: { sha256 } }), linkBy(one));
    expect(verifyFile(options({ links })).ignored).toMatchObject([{ from: 'a', fault: 'differs' }]);
    expect(refusal({ links: from(linkBy(two), linkBy(one, { other: { sha256 } })) }).code).toBe(
      'file-not-in-link',
    );
  });

  const garbled = signed(layoutOf(), [owner]).replace('"readme": ""', '"readme": "other"');
  it.each<[string, string, Partial<VerifyFileOptions>]>([
    ['text that is no layout', 'layout-unreadable', { layout: 'nothing' }],
    ['a link in place of a layout', 'layout-unreadable', { layout: linkBy(owner) }],
    [
      'a layout without an expiry',
      'layout-unreadable',
      { layout: signed(layoutOf(1, { expires: '' }), [owner]) },
    ],
    ['a layout that nobody has to have signed', 'no-owner-key', { ownerKeys: [] }],
    ['a layout without signatures', 'layout-unsigned', { layout: signed(layoutOf(), []) }],
    ['a layout that somebody else signed', 'layout-unsigned', { layout: signed(layoutOf(), [stranger]) }],
    ['a layout that one of two owners signed', 'layout-unsigned', { ownerKeys: [owner.key, stranger.key] }],
    ['a layout changed after it was signed', 'layout-signature-bad', { layout: garbled }],
    [
      'a layout with an owner’s key id over another’s signature',
      'layout-signature-bad',
      { layout: signed(layoutOf(), [stranger]).replaceAll(stranger.keyid, owner.keyid) },
    ],
    [
      'a layout by an owner whose key expired',
      'owner-key-expired',
      { ownerKeys: [{ ...owner.key, ...ended }] },
    ],
    [
      'a layout that has expired',
      'layout-expired',
      { layout: signed(layoutOf(1, { expires: layoutTime(now - 1_000) }), [owner]) },
    ],
    ['no link', 'link-not-found', { links: [] }],
    ['one link where two are asked for', 'link-not-found', { layout: underTwo }],
    [
      'links that say different things',
      'links-disagree',
      { layout: underTwo, links: from(linkBy(one), linkBy(two, { [name]: { sha256 } })) },
    ],
    [
      'links that differ in what they were made from',
      'links-disagree',
      { layout: underTwo, links: from(linkBy(one), linkBy(two, good, { materials: { a: { sha256 } } })) },
    ],
    [
      'a third link that differs where two are asked for',
      'links-disagree',
      { layout: underTwo, links: from(linkBy(one), linkBy(two), linkBy(three, {})) },
    ],
    ['a file that the link does not list', 'file-not-in-link', { file: { name: 'bar_1_all.deb', sha256 } }],
    ['a file of other bytes', 'hash-differs', { file: { name, sha256: 'cd'.repeat(32) } }],
    [
      'a link with another hash beside the right one',
      'hash-set-differs',
      { links: from(linkBy(one, { [name]: { sha256, sha512: 'ef' } })) },
    ],
    ['a rule of the step', 'rule-violated', { links: from(linkBy(one, good, { materials: good })) }],
    [
      'an inspection that runs something',
      'inspection-unsupported',
      {
        layout: signed(
          layoutOf(1, {
            inspect: [{ ...buildLayoutInspection(), run: ['sh', '-c', 'touch /tmp/pwned'] }],
          }),
          [owner],
        ),
      },
    ],
    [
      'an inspection that runs nothing, as in-toto does',
      'inspection-unsupported',
      { layout: signed(layoutOf(1, { inspect: [{ ...buildLayoutInspection(), run: [] }] }), [owner]) },
    ],
    [
      'a key that only in-toto could verify by',
      'signature-unsupported',
      {
        layout: signed(layoutWith({ ...plainKey('ed25519').key, keyid: one.keyid, scheme: 'sphincs' }), [
          owner,
        ]),
      },
    ],
  ])('refuses %s: %s', (_what, code, more) => {
    expect(refusal(more).code).toBe(code);
  });

  const sublayout = signed(layoutOf(), [one]);
  it.each([
    ['malformed', '{}'],
    ['malformed', signed(linkOf(good) as unknown as JsonObject, [])],
    ['malformed', linkBy(one).replace('"environment": {}', '"environment": {"half": "\\ud800"}')],
    ['sublayout', sublayout],
    ['wrong-step', linkBy(one, good, { name: 'build' })],
    ['wrong-step', linkBy(one, good, { name: '../rebuild' })],
    ['unknown-key', linkBy(stranger)],
  ] as const)('tells of a link that is not looked at: %s', (fault, link) => {
    const { code, reasons } = refusal({ links: from(link) });
    expect(code).toBe('link-not-found');
    expect(reasons).toMatchObject([{ from: 'a', fault }]);
  });

  it('believes nobody beside a link that only in-toto could judge', () => {
    const link = linkBy(one).replace('"byproducts": {}', '"byproducts": {"size": 9007199254740993}');
    const { code, reasons } = refusal({ links: from(link, linkBy(two)) });
    expect(code).toBe('signature-unsupported');
    expect(reasons).toMatchObject([{ from: 'a', fault: 'malformed' }]);
  });

  it('tells of a link that another replaces: they share 8 digits of their keys', () => {
    const { code, reasons } = refusal({ layout: underTwo, links: from(linkBy(one), linkBy(one)) });
    expect(code).toBe('link-not-found');
    expect(reasons).toMatchObject([{ from: 'a', fault: 'replaced' }]);
  });

  it.each([
    ['signature-bad', linkBy(one).replaceAll(sha256, 'cd'.repeat(32))],
    ['signature-bad', linkBy(stranger).replaceAll(stranger.keyid, one.keyid)],
    ['signature-missing', linkBy(stranger).replaceAll(stranger.keyid, one.keyid.slice(0, 8).padEnd(40, '0'))],
    ['key-expired', linkBy(expired)],
    ['key-expired', linkBy(expired).replace('"signature": "', '"signature": "0')],
  ] as const)('tells of a link that does not count: %s', (fault, link) => {
    const { code, reasons } = refusal({ links: from(link) });
    expect(code).toBe('threshold-not-met');
    expect(reasons).toMatchObject([{ from: 'a', fault }]);
  });

  it('tells of links that do not count beside one that does, too', () => {
    const bad = linkBy(one).replaceAll(sha256, 'cd'.repeat(32));
    const links = from(bad, linkBy(stranger), linkBy(two, good, { name: 'build' }), linkBy(three));
    const { vouchers, ignored } = verifyFile(options({ links }));
    expect(vouchers).toMatchObject([{ from: 'd' }]);
    expect(ignored).toMatchObject([
      { from: 'b', fault: 'unknown-key' },
      { from: 'c', fault: 'wrong-step' },
      { from: 'a', fault: 'signature-bad' },
    ]);
  });

  it('fills a signature up with zeros to the length of its RSA key, to the digit, as in-toto does', () => {
    const zero = '"signature": "0';
    let link = '';
    for (let at = 0; !link.includes(zero); at++) link = linkBy(one, good, { environment: { at } });
    const short = link.replace(zero, zero.slice(0, -1));
    expect(verifyFile(options({ links: from(short) })).vouchers).toHaveLength(1);

    const bad = linkBy(one).replace(/("signature": "..)./, '$1');
    expect(refusal({ links: from(bad) })).toMatchObject({
      code: 'threshold-not-met',
      reasons: [{ fault: 'signature-bad' }],
    });
    expect(verifyFile(options({ links: from(bad, linkBy(two)) })).vouchers).toMatchObject([{ from: 'b' }]);
    const long = linkBy(one).replace('"signature": "', '"signature": "00000');
    expect(refusal({ links: from(long, linkBy(two)) }).code).toBe('signature-unsupported');
  });

  it('counts the subkeys of one key once', () => {
    const { code } = refusal({ layout: underTwo, links: from(linkBy(two), linkBy(subkey)) });
    expect(code).toBe('threshold-not-met');
  });

  it('answers any layout and link with a verdict or a VerificationError', () => {
    const mutated = (text: string) =>
      fc
        .tuple(fc.nat(text.length), fc.nat(20), textsUpTo(3))
        .map(([at, cut, by]) => text.slice(0, at) + by + text.slice(at + cut));
    const { layout } = options();
    fc.assert(
      fc.property(fc.oneof(fc.constant(layout), mutated(layout)), mutated(linkBy(one)), (changed, link) => {
        try {
          verifyFile(options({ layout: changed, links: from(link) }));
        } catch (error) {
          expect(error).toBeInstanceOf(VerificationError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function buildLayoutInspection() {
  const [inspection] = buildLayout({ rebuilders: [one.key], threshold: 1, expires: layoutTime(now) }).inspect;
  if (inspection === undefined) throw new Error('no inspection');
  return inspection;
}

/** The usual layout with another key under the first one's id. */
function layoutWith(key: JsonObject): JsonObject {
  const layout = layoutOf();
  return { ...layout, keys: { ...(layout.keys as JsonObject), [one.keyid]: key } } as unknown as JsonObject;
}
