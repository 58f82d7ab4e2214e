import { edited, type LinkBlock } from './blocks.ts';
import { badSignature, type Expected, malformed, ours, refused, unknownKey, wrongStep } from './expected.ts';
import { type Kind, linkKind, type Place } from './kind.ts';

/** Links that were changed after they had been signed, or that somebody else signed. */

type Signed = LinkBlock['signed'];
type Signature = LinkBlock['signatures'][number];

const noSignature = refused('threshold-not-met signature-missing', 'ThresholdVerificationError');
/** in-toto skips bad signatures alone: where it cannot even check one, it stops. */
const uncheckable = refused('signature-unsupported', 'binascii.Error');
/** Only in-toto could check it. */
const beyondUs: Expected = { ...badSignature, ...ours('signature-unsupported malformed') };

const contents: readonly Kind[] = [
  signed('a digit of a hash', 8, badSignature, ({ products }, { draw }) => {
    const hashes = draw.pick(Object.values(products));
    hashes.sha256 = draw.otherDigit(hashes.sha256 ?? '');
  }),
  signed('a character of a product’s name', 6, badSignature, (link, { draw }) => {
    const [[name, hashes] = ['', {}], ...others] = Object.entries(link.products);
    const other = draw.otherCharacter(name, 'abcxyz019.+~_%/');
    link.products = Object.fromEntries([[other, hashes], ...others]);
  }),
  signed('a product taken out', 1, badSignature, (link) => {
    link.products = {};
  }),
  signed('a product put in', 2, badSignature, ({ products }, { draw }) => {
    products[`other_${draw.below(9)}.0-1_all.deb`] = { sha256: draw.digits(64) };
  }),
  signed('a hash put in', 1, badSignature, ({ products }, { draw }) => {
    for (const hashes of Object.values(products)) hashes.sha512 = draw.digits(128);
  }),
  signed('something in another member', 2, badSignature, (link, { draw }) => {
    const materials = { 'foo.dsc': { sha256: draw.digits(64) } };
    const byproducts = { 'return-value': 0 };
    const inside = [{ command: ['make'] }, { byproducts }, { environment: { by: 'us' } }, { materials }];
    Object.assign(link, draw.pick<object>(inside));
  }),
  signed('its products left out', 1, badSignature, (link) => {
    delete (link as Partial<Signed>).products;
  }),
  signed('another step’s name', 2, wrongStep, (link, { draw }) => {
    link.name = draw.otherCharacter(link.name, 'abcdefghijklmnopqrstuvwxyz');
  }),
  signed('a hash that is none', 2, malformed, ({ products }, { draw }) => {
    for (const hashes of Object.values(products)) {
      hashes.sha256 = draw.otherCharacter(hashes.sha256 ?? '', 'ghxyz -.');
    }
  }),
  signed('a member of the wrong kind', 2, malformed, (link, { draw }) => {
    const wrong = { products: [], materials: null, environment: null, command: {}, byproducts: 'none' };
    const [member, value] = draw.pick(Object.entries(wrong));
    link[member] = value;
  }),
  signed('half a character', 2, malformed, (link, { draw }) => {
    link.environment = { [draw.pick(['\ud83d', '\udc00', 'a\ud800b'])]: '' };
  }),
  signed('a number that is no integer', 2, malformed, (link, { draw }) => {
    link.byproducts = { seconds: draw.pick([1.5, 1e-9, -0.25]) };
  }),
  linkKind('an integer beyond 2^53', 2, beyondUs, (text, { draw }) =>
    text.replace('"byproducts": {}', `"byproducts": {"size": ${draw.pick(['', '-'])}9007199254740993}`),
  ),
  linkKind('a second copy of what was signed, changed', 2, badSignature, (text, { draw, good }) => {
    const other = JSON.parse(text.replaceAll(good.file.sha256, draw.digits(64))) as LinkBlock;
    return `${text.slice(0, -1)}, "signed": ${JSON.stringify(other.signed)}}`;
  }),
  linkKind('a second copy of its products, changed', 1, badSignature, (text, { good, draw }) => {
    const products = JSON.stringify({ [good.file.name]: { sha256: draw.digits(64) } });
    return text.replace(/\}\s*\}$/, `, "products": ${products}}}`);
  }),
  linkKind('signed with a member more than in-toto knows', 1, badSignature, (_, { good, by, world }) =>
    world.link(good.products, by, { built_by: 'us' }),
  ),
];

const signatures: readonly Kind[] = [
  signature('a digit of the signature', 7, badSignature, (one, { draw }) => {
    one.signature = draw.otherDigit(one.signature);
  }),
  signature('a digit of other_headers', 5, badSignature, (one, { draw }) => {
    one.other_headers = draw.otherDigit(one.other_headers);
  }),
  signature('bytes of the signature or of other_headers cut off', 2, badSignature, (one, { draw }) => {
    const member = draw.pick(['signature', 'other_headers'] as const);
    one[member] = one[member].slice(0, -2 * draw.between(1, 9));
  }),
  signature('bytes put to the signature or to other_headers', 2, badSignature, (one, { draw }) => {
    one[draw.pick(['signature', 'other_headers'] as const)] += draw.digits(2 * draw.between(1, 9));
  }),
  signature('a digit of the signature missing', 1, badSignature, (one, { draw }) => {
    // A first zero may be missing.
    const at = draw.between(1, one.signature.length);
    one.signature = one.signature.slice(0, at) + one.signature.slice(at + 1);
  }),
  {
    ...signature('half a byte too much', 3, uncheckable, (one, { draw }) => {
      // A signature that begins with zeros is short, and may be half a byte shorter.
      one[draw.pick(['signature', 'other_headers'] as const)] += draw.digits(5);
    }),
    settings: ['one', 'two', 'spare'],
  },
  signature('other_headers missing', 1, malformed, (one) => {
    delete (one as Partial<Signature>).other_headers;
  }),
  signature('a digit of the key id, beyond the eighth', 3, noSignature, (one, { draw }) => {
    one.keyid = draw.otherDigit(one.keyid, 8);
  }),
  signature('a digit of the key id, among the first eight', 3, unknownKey, (one, { draw }) => {
    one.keyid = draw.otherDigit(one.keyid, 0, 8);
  }),
  signature('the key id in capitals from its ninth digit on', 1, noSignature, (one) => {
    one.keyid = one.keyid.slice(0, 8) + one.keyid.slice(8).toUpperCase();
  }),
  signature('a stranger’s key id', 1, unknownKey, (one, { world }) => {
    one.keyid = world.key('unlisted').keyid;
  }),
  linkKind('the right key id with the wrong key', 5, badSignature, async (_, { good, by, world }) => {
    const forged = await world.link(good.products, 'unlisted');
    return forged.replaceAll(world.key('unlisted').keyid, world.key(by).keyid);
  }),
  linkKind('the signature of another link', 2, badSignature, async (text, { good, by, draw, world }) => {
    const other = await world.link({ [good.file.name]: { sha256: draw.digits(64) } }, by);
    return edited<LinkBlock>(text, (link) => {
      link.signatures = signaturesOf(other);
    });
  }),
  linkKind('a bad signature before the good one', 2, badSignature, (text, { draw }) =>
    edited<LinkBlock>(text, (link) => {
      const bad = link.signatures.map((one) => ({ ...one, signature: draw.otherDigit(one.signature) }));
      link.signatures = [...bad, ...link.signatures];
    }),
  ),
  linkKind('a stranger’s signature before the good one', 2, unknownKey, async (text, { good, world }) => {
    const other = await world.link(good.products, 'unlisted');
    return edited<LinkBlock>(text, (link) => {
      link.signatures = [...signaturesOf(other), ...link.signatures];
    });
  }),
  linkKind('its signature dropped', 2, malformed, (text, { draw }) =>
    edited<LinkBlock>(text, (link) => {
      if (draw.below(2) === 0) link.signatures = [];
      else delete (link as Partial<LinkBlock>).signatures;
    }),
  ),
];

export const tamperedLinks = [...contents, ...signatures];

/** What was signed says something else. */
function signed(
  of: string,
  times: number,
  expected: Expected,
  edit: (link: Signed, place: Place) => void,
): Kind {
  return linkKind(of, times, expected, (text, place) =>
    edited<LinkBlock>(text, (link) => edit(link.signed, place)),
  );
}

/** Its signature is another. */
function signature(
  of: string,
  times: number,
  expected: Expected,
  edit: (one: Signature, place: Place) => void,
): Kind {
  return linkKind(of, times, expected, (text, place) =>
    edited<LinkBlock>(text, (link) => {
      for (const one of link.signatures) edit(one, place);
    }),
  );
}

function signaturesOf(link: string): Signature[] {
  return (JSON.parse(link) as LinkBlock).signatures;
}
