import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../../daemons/lib/domain/date.ts';
import type { JsonObject, Signature } from '../../../../daemons/lib/domain/metablock.ts';
import { formatMetablock } from '../../../../daemons/lib/domain/metablock.ts';
import { VerificationError, verifyFile } from '../../../../daemons/lib/intoto/verify.ts';
import { layoutTime } from '../../../../daemons/lib/openpgp/sign.ts';
import { campaignSeed, soak } from '../../../support/campaign.ts';
import { type GpgTestKey, gpgKey, plainKey, type TestKey } from '../../../support/in-toto/keys.ts';
import { askTransport, type TransportCase } from '../../../support/in-toto/transport.ts';

const now = systemClock.now();
const longAgo = Math.floor(now / 1_000) - 1_000_000;

const owners: readonly GpgTestKey[] = [
  gpgKey('rsa'),
  gpgKey('eddsa'),
  gpgKey('rsa', { creation_time: longAgo, validity_period: 10 }),
];
const subkeys = [
  gpgKey('rsa'),
  gpgKey('rsa'),
  gpgKey('rsa', { creation_time: longAgo, validity_period: 10 }),
];
const withSubkeys = gpgKey('rsa', {}, subkeys);
const sharingDigits = gpgKey('eddsa', { keyid: withSubkeys.keyid.slice(0, 8).padEnd(40, '7') });
/** Whoever may rebuild, or wants to. */
const signers: readonly TestKey[] = [
  withSubkeys,
  ...subkeys,
  sharingDigits,
  gpgKey('rsa', { creation_time: longAgo, validity_period: 2_000_000 }),
  gpgKey('rsa', { creation_time: longAgo, validity_period: 10 }),
  gpgKey('dsa'),
  gpgKey('eddsa'),
  plainKey('ed25519'),
  plainKey('rsassa-pss-sha256'),
  plainKey('rsa-pkcs1v15-sha384'),
  plainKey('ecdsa-sha2-nistp256'),
];
/** Those of the layout in use here: RSA, DSA, RSA with subkeys. */
const usual = [signers[5], signers[7], withSubkeys].filter((one) => one !== undefined);
/** Keys that stand in a layout by themselves. */
const primaries = signers.filter((one) => !subkeys.includes(one as GpgTestKey));

const content = 'the package\n';
const sha256 = createHash('sha256').update(content).digest('hex');
const file = { name: 'foo_1%3a1.0-1_amd64.deb', content };

const name = fc.constantFrom(
  file.name,
  'foo_1.0-1_amd64.deb',
  'bar.deb',
  'a/bar.deb',
  'a/b/c',
  'notes',
  '/x',
  'a//x',
  '😀',
);
const hashes = fc.constantFrom({ sha256 }, { sha256 }, { sha256: '00' }, { sha256, sha512: 'ab' }, {});
const artifacts = fc.dictionary(name, hashes, { maxKeys: 4 });
const right = { [file.name]: { sha256 } };
/** Products as a rebuilder lists them, mostly the right ones. */
const usualProducts = fc.constantFrom<Record<string, object>>(
  right,
  right,
  right,
  { ...right, 'foo_1.0-1_amd64.deb': { sha256 } },
  { [file.name]: { sha256: '00' } },
  { [file.name]: { sha256, sha512: 'ab' } },
  { 'foo_1.0-1_amd64.deb': { sha256 } },
);
const step = fc.constantFrom('rebuild', 'rebuild', 'rebuild', 'build', 'fetch', 'verify');
const pattern = fc.oneof(
  name,
  fc.constantFrom(
    '*',
    '*',
    '*.deb',
    '*.deb',
    'foo_*',
    '?*[!a-f]*',
    '[ab]*',
    'a/*',
    '[z-a]',
    '*%3a*',
    '[!z-a]',
    '',
  ),
);
const keyword = fc.constantFrom('CREATE', 'MODIFY', 'DELETE', 'ALLOW', 'DISALLOW', 'REQUIRE', 'Allow');
const folder = fc.constantFrom('', 'a', 'a/', 'a/b', '/', '\\');
const side = fc.constantFrom('MATERIALS', 'PRODUCTS', 'products');
const rule = fc.oneof(
  fc.tuple(keyword, pattern),
  fc.tuple(fc.constant('MATCH'), pattern, fc.constant('WITH'), side, fc.constant('FROM'), step),
  fc
    .tuple(pattern, folder, side, folder, step)
    .map(([glob, from, what, to, item]) => ['MATCH', glob, 'IN', from, 'WITH', what, 'IN', to, 'FROM', item]),
  fc
    .tuple(pattern, folder, side, step)
    .map(([glob, from, what, item]) => ['match', glob, 'in', from, 'with', what, 'from', item]),
  fc
    .tuple(pattern, side, folder, step)
    .map(([glob, what, to, item]) => ['MATCH', glob, 'WITH', what, 'IN', to, 'FROM', item]),
);
const usualStep = {
  expected_materials: [],
  expected_products: [
    ['CREATE', '*.deb'],
    ['DISALLOW', '*.deb'],
  ],
};
const usualInspection = {
  expected_materials: [
    ['MATCH', '*.deb', 'WITH', 'PRODUCTS', 'FROM', 'rebuild'],
    ['DISALLOW', '*.deb'],
  ],
  expected_products: [],
};
const usualLayoutStep = {
  _type: 'step',
  name: 'rebuild',
  pubkeys: usual.map(({ keyid }) => keyid),
  threshold: 1,
  expected_command: [],
  ...usualStep,
};
const anyRules = fc.record({
  expected_materials: fc.array(rule, { maxLength: 3 }),
  expected_products: fc.array(rule, { maxLength: 3 }),
});

/** Nearly always the first, now and then another. */
function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 15, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

const layoutArbitrary = fc
  .record({
    steps: fc.uniqueArray(
      fc.record({
        _type: fc.constant('step'),
        name: step,
        pubkeys: fc.oneof(
          fc.shuffledSubarray(
            signers.map(({ keyid }) => keyid),
            { minLength: 1 },
          ),
          fc.constant(usual.map(({ keyid }) => keyid)),
        ),
        threshold: fc.oneof(fc.constantFrom(1, 2), mostly(1, 2, 3, 0, -1)),
        expected_command: fc.constant([]),
        rules: fc.oneof(fc.constant(usualStep), anyRules),
      }),
      { selector: (one) => one.name, maxLength: 2 },
    ),
    inspect: fc.uniqueArray(
      fc.record({
        _type: fc.constant('inspection'),
        name: fc.constantFrom('verify-reprobuilds', 'verify-reprobuilds', 'verify'),
        run: mostly(['/usr/bin/true'], ['/bin/true'], ['true']),
        rules: fc.oneof(fc.constant(usualInspection), anyRules),
      }),
      { selector: (one) => one.name, maxLength: 2 },
    ),
    expires: mostly(layoutTime(now + dayMs), layoutTime(now - dayMs)),
    readme: fc.constantFrom('', 'Unicode: ü 😀 "\\\n'),
    without: fc.constantFrom<readonly string[]>([], [], [], [withSubkeys.keyid], [usual[0]?.keyid ?? '']),
  })
  .filter(({ steps, inspect }) => {
    const names = [...steps, ...inspect].map((one) => one.name);
    return new Set(names).size === names.length;
  })
  .map(({ steps, inspect, without, ...rest }) => ({
    _type: 'layout',
    ...rest,
    keys: Object.fromEntries(
      primaries.filter(({ keyid }) => !without.includes(keyid)).map((one) => [one.keyid, one.key]),
    ),
    steps: steps.map(({ rules, ...one }) => ({ ...one, ...rules })),
    inspect: inspect.map(({ rules, ...one }) => ({ ...one, ...rules })),
  }));

type Tampering =
  | 'none'
  | 'signature'
  | 'content'
  | 'keyid'
  | 'signer'
  | 'unsigned'
  | 'form'
  | 'half'
  | 'json'
  | 'extra'
  | 'text'
  | 'fraction';
function linkArbitrary(by: fc.Arbitrary<TestKey>, stepName: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .record({
      by,
      also: fc.option(fc.constantFrom(...signers), { freq: 10 }),
      link: fc.record({
        _type: mostly('link', 'layout'),
        name: stepName,
        materials: fc.oneof({ weight: 9, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: artifacts }),
        products: fc.oneof({ weight: 4, arbitrary: usualProducts }, { weight: 1, arbitrary: artifacts }),
        byproducts: fc.constantFrom({}, {}, { 'return-value': 0, stdout: 'ü 😀\n' }),
        command: fc.constantFrom<string[]>([], ['make']),
        environment: fc.constantFrom({}, { by: 'us' }),
      }),
      tampering: mostly<Tampering>(
        'none',
        'signature',
        'content',
        'keyid',
        'signer',
        'unsigned',
        'form',
        'half',
        'json',
        'extra',
        'text',
        'fraction',
      ),
      other: fc.constantFrom(...signers),
    })
    .map(linkText);
}

function linkText(one: {
  by: TestKey;
  also: TestKey | null;
  other: TestKey;
  link: Record<string, unknown>;
  tampering: Tampering;
}): string {
  const link = one.link as JsonObject;
  const signature = one.by.sign(link);
  const signatures = [signature, ...(one.also === null ? [] : [one.also.sign(link)])];
  const write = (signedBy: readonly Signature[], signed: JsonObject = link) =>
    formatMetablock({ signatures: signedBy, signed });
  switch (one.tampering) {
    case 'none':
      return write(signatures);
    case 'signature':
      return write(signatures).replace(
        /"(sig|signature)": "(..)/,
        (_, member, digits) => `"${member}": "${digits === '00' ? '11' : '00'}`,
      );
    case 'content':
      return write(signatures, { ...link, command: ['other'] });
    case 'keyid':
      return write([{ ...signature, keyid: one.other.keyid }]);
    case 'signer':
      return write([{ ...one.other.sign(link), keyid: one.by.keyid }]);
    case 'unsigned':
      return write([]);
    case 'form':
      return write([
        'sig' in signature
          ? { keyid: one.by.keyid, other_headers: '04', signature: '00' }
          : { keyid: one.by.keyid, sig: '00' },
      ]);
    case 'half':
      return write([
        'sig' in signature
          ? { ...signature, sig: `${signature.sig}0` }
          : { ...signature, other_headers: `${signature.other_headers}0` },
      ]);
    case 'json':
      return write(signatures).slice(1);
    case 'extra':
      return write(signatures, { ...link, environment: null });
    case 'text':
      return write(signatures, { ...link, environment: { half: '\ud800' } });
    case 'fraction':
      return write(signatures, { ...link, byproducts: { seconds: 1.5 } });
  }
}

/** Who signed the layout, and who was to. */
const signing = fc
  .tuple(mostly(false, true), fc.subarray([...owners]), fc.subarray([...owners]))
  .map(([odd, by, wanted]) =>
    odd ? { by, wanted } : { by: owners.slice(0, 1), wanted: owners.slice(0, 1) },
  );
/** The layout in use and links that nearly suit it, or anything. */
const documents = fc.oneof(
  fc.record({
    layout: layoutArbitrary.map((one) => ({
      ...one,
      steps: [{ ...(one.steps[0] ?? usualLayoutStep), ...usualLayoutStep, threshold: one.steps.length || 2 }],
      inspect: [
        { _type: 'inspection', name: 'verify-reprobuilds', run: ['/usr/bin/true'], ...usualInspection },
      ],
    })),
    links: fc.array(linkArbitrary(fc.constantFrom(...usual), mostly('rebuild', 'build')), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  fc.record({
    layout: layoutArbitrary,
    links: fc.array(linkArbitrary(fc.constantFrom(...signers), step), { maxLength: 5 }),
  }),
);
const caseArbitrary = fc
  .record({ documents, signing, changed: mostly(false, true) })
  .map(({ documents: { layout, links }, signing: { by, wanted }, changed }): TransportCase => {
    const signatures = by.map((owner) => owner.sign(layout as unknown as JsonObject));
    const signed = (changed ? { ...layout, readme: 'changed' } : layout) as unknown as JsonObject;
    return {
      layout: formatMetablock({ signatures, signed }),
      ownerKeys: wanted.map((owner) => owner.key),
      links,
      file,
    };
  });

function ours({ layout, ownerKeys, links }: TransportCase): string {
  const fetched = links.map((untrusted, at) => ({ from: `rebuilder ${at}`, untrusted }));
  try {
    verifyFile({ layout, ownerKeys, links: fetched, file: { name: file.name, sha256 }, now });
    return 'accepted';
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
}

/** Which of our codes in-toto says with which of its errors. */
const errors: Readonly<Record<string, readonly string[]>> = {
  accepted: ['accepted'],
  SignatureVerificationError: ['layout-unsigned', 'layout-signature-bad', 'no-owner-key'],
  KeyExpirationError: ['owner-key-expired'],
  LayoutExpiredError: ['layout-expired'],
  LinkNotFoundError: ['link-not-found'],
  ThresholdVerificationError: ['threshold-not-met', 'links-disagree'],
  RuleVerificationError: ['rule-violated', 'hash-differs', 'hash-set-differs', 'file-not-in-link'],
  FormatError: ['signature-unsupported'],
  CryptoError: ['signature-unsupported'],
  // Of a step that nobody did, under a threshold of 0, in-toto takes note after all signatures.
  Error: ['signature-unsupported', 'threshold-not-met'],
  KeyError: ['rule-violated', 'file-not-in-link', 'hash-differs'],
  IndexError: ['threshold-not-met'],
};

/** Two processes a case, on a machine that may be busy with others. */
const timeout = soak ? 7_200_000 : 300_000;

describe('verifyFile', () => {
  it('says of any layout, links and rules what apt’s transport says with in-toto 1.3.1', { timeout }, () => {
    const seed = Number.parseInt(createHash('sha256').update(campaignSeed()).digest('hex').slice(0, 7), 16);
    const cases = fc.sample(caseArbitrary, { seed, numRuns: soak ? 20_000 : 200 });
    const theirs = askTransport(cases);
    const seen = new Set<string>();
    cases.forEach((one, at) => {
      const [code, error] = [ours(one), theirs[at] ?? ''];
      seen.add(code);
      expect(errors[error], `${error} ${code} SEED=${campaignSeed()} ${JSON.stringify(one)}`).toContain(code);
    });
    const often = ['accepted', 'link-not-found', 'links-disagree', 'rule-violated', 'layout-signature-bad'];
    expect([...seen]).toEqual(expect.arrayContaining(often));
  });
});
