import type { JsonObject } from '../../../../daemons/lib/domain/metablock.ts';
import { edited, type LayoutBlock, type LinkBlock } from './blocks.ts';
import { documents } from './documents.ts';
import type { Draw } from './draw.ts';
import { accepted, isPassedOver } from './expected.ts';
import { byAll, type Kind, layoutKind, linkKind, type Serve } from './kind.ts';
import { tamperedLinks } from './tampered-links.ts';

/** Changes by which nothing that counts is other than it was: everybody accepts them. */

/** Of JSON text, the values staying the same. */
const rewritings: Readonly<Record<string, (text: string, draw: Draw) => string>> = {
  'without white space': (text) => JSON.stringify(JSON.parse(text)),
  'with other white space': (text, draw) =>
    `\r\n${JSON.stringify(JSON.parse(text), null, draw.pick(['\t', '    ']))}\r\n \n`.replaceAll(
      '\n',
      '\r\n',
    ),
  'with its members in another order': (text) => JSON.stringify(reversed(JSON.parse(text)), null, 1),
  'with escaped characters': (text, draw) =>
    text.replaceAll(/[a-z](?=[^"\\]*")/g, (letter) =>
      draw.below(3) === 0 ? `\\u00${letter.charCodeAt(0).toString(16)}` : letter,
    ),
  'with more beside what was signed': (text, draw) =>
    `{"note": "by hand", "list": [1, {"signed": null}], "took": ${draw.pick(['3', '1.5', '2e3'])},${text.slice(1)}`,
  'with an earlier copy of what was signed, changed': (text) => `{"signed": {"_type": "x"}, ${text.slice(1)}`,
  'with the digits of its signature in capitals': (text) =>
    edited<LinkBlock>(text, ({ signatures }) => {
      for (const one of signatures) {
        one.signature = one.signature.toUpperCase();
        one.other_headers = one.other_headers.toUpperCase();
      }
    }),
  'with a bad copy of its signature after the good one': (text, draw) =>
    edited<LinkBlock>(text, ({ signatures }) => {
      const [first] = signatures;
      if (first !== undefined) signatures.push({ ...first, signature: draw.otherDigit(first.signature) });
    }),
  'with members that in-toto does not know': (text) =>
    edited<LinkBlock>(text, ({ signed }) => {
      Object.assign(signed, { built_by: 'us', 'x y': [null, true] });
    }),
};

const links: readonly Kind[] = [
  ...Object.entries(rewritings).map(([of, rewrite]) => link(of, (text, { draw }) => rewrite(text, draw))),
  link('without members that have their defaults', (text, { draw }) =>
    edited<LinkBlock>(text, ({ signed }) => {
      for (const member of ['materials', 'byproducts', 'command', 'environment', '_type']) {
        if (draw.below(2) === 0) delete signed[member];
      }
    }),
  ),
  link('with a stranger’s signature after the good one', async (text, { good, world }) => {
    const other = JSON.parse(await world.link(good.products, 'stranger')) as LinkBlock;
    return edited<LinkBlock>(text, ({ signatures }) => signatures.push(...other.signatures));
  }),
  link('with a signature of another form after the good one', (text, { draw }) =>
    edited<LinkBlock>(text, ({ signatures }) => {
      const other = { keyid: draw.digits(64), sig: draw.digits(128), method: 'rsassa-pss' };
      signatures.push(other as never);
    }),
  ),
  signedLink('that lists more files', (draw) => ({
    [`other_${draw.below(9)}_all.deb`]: { sha256: draw.digits(64) },
  })),
  signedLink('that lists files by names which JavaScript knows', (draw) =>
    Object.fromEntries(
      ['__proto__', 'constructor', 'toString', '1', 'length'].map((name) => [
        name,
        { sha256: draw.digits(64) },
      ]),
    ),
  ),
  signedLink('that lists files in all scripts', (draw) => ({
    'größe_😀\u{ffff}\u0000\n"\\.deb': { sha256: draw.digits(64) },
  })),
  {
    ...link('with numbers and words in it', (text) => text),
    change: async (good, draw, world) => {
      const more = {
        command: ['make', '-j2', '\u0007'],
        byproducts: { 'return-value': draw.pick([0, -1, 2 ** 53 - 1]), stdout: 'ü 😀\r\n' },
        environment: JSON.parse('{"__proto__": {"a": "x"}, "": [[], {}, null, false]}') as JsonObject,
      };
      return { links: await byAll(good, (by) => world.link(good.products, by, more)) };
    },
  },
];

const layouts: readonly Kind[] = [
  ...Object.entries(rewritings).map(([of, rewrite]) =>
    layout(of, ({ layout: text }, draw) => rewrite(text, draw)),
  ),
  layout('with a stranger’s signature', async ({ layout: text }, draw, world) => {
    const { signed } = JSON.parse(text) as LayoutBlock;
    const other = JSON.parse(await world.sign(signed as never, 'stranger')) as LayoutBlock;
    return edited<LayoutBlock>(text, (block) => {
      const [a, b] = [block.signatures, other.signatures];
      block.signatures = draw.below(2) === 0 ? [...a, ...b] : [...b, ...a];
    });
  }),
  layout('without members that have their defaults', ({ layout: text }) =>
    edited<LayoutBlock>(text, ({ signed }) => {
      delete signed.readme;
    }),
  ),
];

/** What is wrong with one rebuilder's link, where another's good one suffices. */
const besides: readonly Kind[] = [...tamperedLinks, ...documents]
  .filter(({ expected }) => isPassedOver(expected))
  .map((kind) => ({
    ...kind,
    of: `${kind.of}, beside a good link`,
    times: 1,
    settings: ['spare'],
    expected: accepted,
  }));

export const neutral: readonly Kind[] = [...links, ...layouts, ...besides];

function link(of: string, rewrite: Serve): Kind {
  return linkKind(of, 1, accepted, rewrite);
}

function signedLink(of: string, productsOf: (draw: Draw) => Record<string, Record<string, string>>): Kind {
  return {
    ...link(of, (text) => text),
    change: async (good, draw, world) => {
      const products = { ...good.products, ...productsOf(draw) };
      return { links: await byAll(good, (by) => world.link(products, by)) };
    },
  };
}

function layout(of: string, layoutOf: Parameters<typeof layoutKind>[3]): Kind {
  return layoutKind(of, 1, accepted, layoutOf);
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inside]) => [name, reversed(inside)]),
  );
}
