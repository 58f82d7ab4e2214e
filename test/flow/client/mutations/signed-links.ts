import type { Artifacts } from '../../../../daemons/lib/domain/link.ts';
import type { World } from '../world.ts';
import type { Draw } from './draw.ts';
import { type Expected, refused, unknownKey, wrongStep } from './expected.ts';
import { byAll, type Changed, type Good, type Kind, type Setting } from './kind.ts';

/** Links with good signatures that say something else, and good ones in another's place. */

const otherFile = refused('file-not-in-link', 'RuleVerificationError');
const otherHash = refused('hash-differs', 'RuleVerificationError');
const otherHashes = refused('hash-set-differs', 'RuleVerificationError');
const disagreement = refused('links-disagree differs', 'ThresholdVerificationError');
const replaced = refused('link-not-found replaced', 'LinkNotFoundError');

/** Hashes of the file that are not what its link should have, though it is the file that they are of. */
const furtherHashes = (draw: Draw) =>
  draw.pick<Record<string, string>>([{ sha512: draw.digits(128) }, { md5: draw.digits(32) }]);

export const signedLinks: readonly Kind[] = [
  both('of another file’s bytes', 2, otherHash, (good, draw) => hashed(good, { sha256: draw.digits(64) })),
  both('of an older build of the same version', 2, otherHash, (good, draw) =>
    hashed(good, { sha256: draw.digits(64) }),
  ),
  both('with further hashes', 2, otherHashes, (good, draw) =>
    hashed(good, { sha256: good.file.sha256, ...furtherHashes(draw) }),
  ),
  both('with other hashes', 2, otherHash, ({ file, ...good }, draw) =>
    hashed(
      { file, ...good },
      draw.pick([{}, { sha512: draw.digits(128) }, { sha256: file.sha256.toUpperCase() }]),
    ),
  ),
  both('without products', 1, otherFile, () => ({})),
  both('of a product that was renamed', 4, otherFile, (good, draw) => ({
    [draw.pick(otherNames(good))]: { sha256: good.file.sha256 },
  })),
  both('of a pattern', 1, otherFile, (good, draw) => ({
    [draw.pick(['*', '*.deb', `${good.package}_*`])]: { sha256: good.file.sha256 },
  })),
  both('of another package', 4, otherFile, (good, draw) => ({
    [good.file.name.replace(good.package, draw.pick(['hello', `${good.package}-dev`, 'zsh']))]: {
      sha256: draw.digits(64),
    },
  })),
  both('of an older version', 4, otherFile, (good, draw) => ({
    [`${good.package}_${draw.pick(['0.9-1', '1%3a0.9-3', '1.0-1~deb12u1'])}_${good.architecture}.deb`]: {
      sha256: draw.digits(64),
    },
  })),
  kind('of another step', 4, ['one', 'two'], wrongStep, async ({ products }, draw, world) => ({
    alice: await world.link(products, 'alice', {
      name: draw.pick(['build', 'Rebuild', 'rebuild ', 'rebuild.', 'verify-reprobuilds', '']),
    }),
  })),
  kind(
    'by a key that the layout does not name',
    2,
    ['one', 'two'],
    unknownKey,
    async ({ products }, _, world) => ({
      alice: await world.link(products, 'unlisted'),
    }),
  ),
  kind(
    'of the first key, of other bytes, beside a good one',
    2,
    ['spare'],
    otherHash,
    async (good, draw, world) => ({
      alice: await world.link(hashed(good, { sha256: draw.digits(64) }), 'alice'),
    }),
  ),
  one('other bytes', 1, (good, draw) => hashed(good, { sha256: draw.digits(64) })),
  one('one file more', 1, (good, draw) => ({
    ...good.products,
    [`${good.package}-data_1.0-1_all.deb`]: { sha256: draw.digits(64) },
  })),
  one('further hashes', 1, (good, draw) =>
    hashed(good, { sha256: good.file.sha256, ...furtherHashes(draw) }),
  ),
  one('another package', 2, (_, draw) => ({ 'hello_2.10-3_amd64.deb': { sha256: draw.digits(64) } })),
  kind('one of two, with other materials', 1, ['two'], disagreement, async ({ products }, draw, world) => ({
    bob: await world.link(products, 'bob', { materials: { 'foo.dsc': { sha256: draw.digits(64) } } }),
  })),
  kind('of one rebuilder, served by both', 2, ['two'], replaced, ({ links }, draw) => {
    const by = draw.pick(['alice', 'bob'] as const);
    return { alice: links[by], bob: links[by] };
  }),
  kind('of one rebuilder, served by the other as its own', 1, ['two'], replaced, ({ links }, _, world) => ({
    alice: links.bob.replaceAll(world.key('bob').keyid, world.key('alice').keyid),
    bob: links.bob.replaceAll(world.key('bob').keyid, world.key('alice').keyid),
  })),
];

/** The same from all who publish. */
function both(
  of: string,
  times: number,
  expected: Expected,
  productsOf: (good: Good, draw: Draw) => Artifacts,
): Kind {
  return kind(of, times, ['one', 'two'], expected, (good, draw, world) => {
    const products = productsOf(good, draw);
    return byAll(good, (by) => world.link(products, by));
  });
}

/** From one of two. */
function one(of: string, times: number, productsOf: (good: Good, draw: Draw) => Artifacts): Kind {
  return kind(`one of two, of ${of}`, times, ['two'], disagreement, async (good, draw, world) => {
    const by = draw.pick(['alice', 'bob'] as const);
    return { [by]: await world.link(productsOf(good, draw), by) };
  });
}

function kind(
  of: string,
  times: number,
  settings: readonly Setting[],
  expected: Expected,
  links: (good: Good, draw: Draw, world: World) => Changed['links'] | Promise<Changed['links']>,
): Kind {
  return {
    of: `signed link: ${of}`,
    times,
    settings,
    expected,
    change: async (good, draw, world) => ({ links: (await links(good, draw, world)) ?? {} }),
  };
}

/** The good products with other hashes. */
function hashed(good: Good, hashes: Readonly<Record<string, string>>): Artifacts {
  return Object.fromEntries(Object.keys(good.products).map((name) => [name, hashes]));
}

function otherNames({ package: name, version, architecture, file }: Good): readonly string[] {
  return [
    `${name}_${version}_i386.deb`,
    `pool/main/m/${name}/${file.name}`,
    `./${file.name}`,
    `${file.name} `,
    file.name.toUpperCase(),
    `${name}_${version.replace(':', '%3A')}+b9_${architecture}.deb`,
  ];
}
