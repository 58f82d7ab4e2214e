import { edited, type LayoutBlock, signedOf, withStrangersKey } from './blocks.ts';
import type { Draw } from './draw.ts';
import { type DebianError, type Expected, ours, refused } from './expected.ts';
import { type Kind, layoutKind } from './kind.ts';

/** Layouts that were changed after they had been signed, or that somebody else signed, and what is no layout. */

type Signed = LayoutBlock['signed'];

const badSignature = refused('layout-signature-bad', 'SignatureVerificationError');
const noSignature = refused('layout-unsigned', 'SignatureVerificationError');
const unreadable = (debian: DebianError) => refused('layout-unreadable', debian);

export const tamperedLayouts: readonly Kind[] = [
  tampered('a digit of a rebuilder’s key', 2, badSignature, ({ signed }, draw) => {
    const { keyval } = draw.pick(Object.values(signed.keys));
    keyval.public.n = draw.otherDigit(keyval.public.n);
  }),
  tampered('a digit of the step’s key ids', 1, badSignature, ({ signed }, draw) => {
    const { pubkeys } = signed.steps[0];
    const at = draw.below(pubkeys.length);
    pubkeys[at] = draw.otherDigit(pubkeys[at] ?? '');
  }),
  tampered('a later expiry', 2, badSignature, ({ signed }, draw) => {
    signed.expires = `${draw.between(2100, 9999)}${signed.expires.slice(4)}`;
  }),
  tampered('another threshold', 1, badSignature, ({ signed: { steps } }) => {
    steps[0].threshold = steps[0].threshold === 1 ? 2 : 1;
  }),
  tampered('a threshold that is no integer', 1, unreadable('FormatError'), (layout) => {
    layout.signed.steps[0].threshold = 'one';
  }),
  tampered('a rule less', 1, badSignature, ({ signed: { steps, inspect } }, draw) => {
    draw.pick([steps[0].expected_products, inspect[0].expected_materials]).pop();
  }),
  tampered('another pattern', 1, badSignature, ({ signed: { inspect } }) => {
    for (const rule of inspect[0].expected_materials) rule[1] = '*.changes';
  }),
  tampered('another command', 1, badSignature, ({ signed: { inspect } }) => {
    inspect[0].run = ['/bin/true'];
  }),
  tampered('no expiry', 1, { ...badSignature, ...ours('layout-unreadable') }, ({ signed }) => {
    delete (signed as Partial<Signed>).expires;
  }),
  tampered('no keys', 1, badSignature, ({ signed }) => {
    delete (signed as Partial<Signed>).keys;
  }),
  tampered('no steps', 1, unreadable('TypeError'), ({ signed }) => {
    delete (signed as Partial<Signed>).steps;
  }),
  tampered('a digit of its signature', 2, badSignature, ({ signatures: [first] }, draw) => {
    if (first !== undefined) first.signature = draw.otherDigit(first.signature);
  }),
  tampered('a digit of other_headers', 1, badSignature, ({ signatures: [first] }, draw) => {
    if (first !== undefined) first.other_headers = draw.otherDigit(first.other_headers);
  }),
  tampered('a digit of its signature missing', 1, badSignature, ({ signatures: [first] }) => {
    if (first !== undefined) first.signature = first.signature.slice(0, -1);
  }),
  tampered('a digit of its key id', 1, noSignature, ({ signatures: [first] }, draw) => {
    if (first !== undefined) first.keyid = draw.otherDigit(first.keyid);
  }),
  tampered('its signature dropped', 1, noSignature, (layout) => {
    layout.signatures = [];
  }),
  tampered('a bad signature before the good one', 1, badSignature, (layout, draw) => {
    const bad = layout.signatures.map((one) => ({ ...one, signature: draw.otherDigit(one.signature) }));
    layout.signatures = [...bad, ...layout.signatures];
  }),
  layoutKind('a stranger among its keys', 1, badSignature, ({ layout }, _, world) =>
    edited<LayoutBlock>(layout, ({ signed }) => {
      const { keyid, ...key } = world.key('unlisted');
      signed.keys[keyid] = { keyid, ...key } as unknown as Signed['keys'][string];
      signed.steps[0].pubkeys.push(keyid);
    }),
  ),
  layoutKind('a stranger’s key under a rebuilder’s id', 1, badSignature, ({ layout }, _, world) =>
    edited<LayoutBlock>(layout, ({ signed }) => withStrangersKey(signed, world)),
  ),
  layoutKind('a second copy of what was signed, changed', 1, badSignature, ({ layout }) => {
    const { signed } = JSON.parse(layout) as LayoutBlock;
    return `${layout.slice(0, -1)}, "signed": ${JSON.stringify({ ...signed, readme: 'Trust me.' })}}`;
  }),
  layoutKind('signed by a stranger', 1, noSignature, ({ layout }, _, world) =>
    world.sign(signedOf(layout), 'stranger'),
  ),
  layoutKind(
    'the owner’s key id over a stranger’s signature',
    1,
    badSignature,
    async ({ layout }, _, world) => {
      const foreign = await world.sign(signedOf(layout), 'stranger');
      return foreign.replaceAll(world.key('stranger').keyid, world.key('owner').keyid);
    },
  ),
  {
    ...layoutKind('signed by one of two owners', 1, noSignature, ({ layout }) => layout),
    change: (_, draw) => ({
      owners: draw.pick([['owner', 'stranger'], ['stranger', 'owner'], ['stranger']]),
    }),
  },
  document('an empty file', unreadable('JSONDecodeError'), () => ''),
  document('noise', unreadable('UnicodeDecodeError'), (_, draw) =>
    Buffer.concat([Buffer.of(0x80), draw.bytes(99)]),
  ),
  document('half of it', unreadable('JSONDecodeError'), ({ layout }, draw) =>
    layout.slice(0, draw.between(1, layout.length - 1)),
  ),
  document('an envelope', unreadable('FormatError'), ({ layout }) =>
    JSON.stringify({
      payloadType: 'application/vnd.in-toto+json',
      payload: Buffer.from(JSON.stringify(signedOf(layout))).toString('base64'),
      signatures: [],
    }),
  ),
  document('a link that the owner signed', unreadable('AttributeError'), ({ products }, _, world) =>
    world.link(products, 'owner'),
  ),
];

/** Changed after it was signed. */
function tampered(
  of: string,
  times: number,
  expected: Expected,
  edit: (layout: LayoutBlock, draw: Draw) => void,
): Kind {
  return layoutKind(of, times, expected, ({ layout }, draw) =>
    edited<LayoutBlock>(layout, (block) => edit(block, draw)),
  );
}

function document(of: string, expected: Expected, layoutOf: Parameters<typeof layoutKind>[3]): Kind {
  return layoutKind(`in its place ${of}`, 1, expected, layoutOf);
}
