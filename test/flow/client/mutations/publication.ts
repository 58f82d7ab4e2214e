import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Turns } from '../../../../daemons/lib/daemon/turns.ts';
import type { World } from '../world.ts';
import type { Mutation } from './all.ts';
import { accepted, type Expected } from './expected.ts';
import type { Changed, Good, Rebuilder, Setting } from './kind.ts';

/** A package in an archive, what is published about it, and what judges have to say of it. */
export interface Case {
  readonly of: string;
  readonly package: string;
  /** The name that apt gives it on disk. */
  readonly file: string;
  /** What the archive serves. */
  readonly deb: string;
  /** A name for it, and the layout itself. */
  readonly layout: Readonly<{ name: string; content: string | Buffer }>;
  readonly owners: NonNullable<Changed['owners']>;
  readonly expected: Expected;
}

const settings: readonly Setting[] = ['one', 'two', 'spare'];
const rebuilders: readonly Rebuilder[] = ['alice', 'bob'];
const signersAtOnce = 4;

/** Fills the archive and the rebuilders' folders: what is good, and then a package for each mutation. */
export async function publishCases(world: World, mutations: readonly Mutation[]): Promise<readonly Case[]> {
  const turns = new Turns(signersAtOnce);
  const layouts = { one: await world.layout(rebuilders, 1), two: await world.layout(rebuilders, 2) };
  const layoutOf = (setting: Setting) => (setting === 'two' ? layouts.two : layouts.one);
  const make = (name: string, setting: Setting, version: string) =>
    turns.take(() => goodPackage(world, name, setting, version, layoutOf(setting)));
  const untouched = new Map(
    await Promise.all(
      settings.map(async (one) => [one, await make(`untouched-${one}`, one, '1.0-1')] as const),
    ),
  );
  const goods = await Promise.all(
    mutations.map(async ({ setting, version, onlyLayout }, at) => {
      const shared = onlyLayout ? untouched.get(setting) : undefined;
      return shared ?? (await make(`m-${String(at).padStart(3, '0')}`, setting, version));
    }),
  );
  const changes = await Promise.all(
    mutations.map(({ change, draw }, at) =>
      turns.take(async () => await change(goodAt(goods, at), draw, world)),
    ),
  );

  for (const good of [...untouched.values(), ...goods]) publishLinks(world, good);
  for (const [at, { links }] of changes.entries()) publishLinks(world, goodAt(goods, at), links);
  publishArchive(
    world,
    changes.map((changed, at) => [goodAt(goods, at), changed]),
  );

  return [
    ...[...untouched.values()].map((good) => caseOf(world, good, 'nothing', accepted)),
    ...mutations.map(({ of, expected }, at) =>
      caseOf(world, goodAt(goods, at), of, expected, changes[at], `m-${at}`),
    ),
  ];
}

function goodAt(goods: readonly Good[], at: number): Good {
  const good = goods[at];
  if (good === undefined) throw new Error('every mutation has a package');
  return good;
}

async function goodPackage(
  world: World,
  name: string,
  setting: Setting,
  version: string,
  layout: string,
): Promise<Good> {
  const architecture = version === '1.0-1' ? 'all' : 'amd64';
  world.add({ package: name, version, architecture });
  const { path, ...file } = world.file(name);
  const hashes = { sha256: file.sha256 };
  const products = { [file.name]: hashes, [basename(path)]: hashes };
  const deb = await readFile(join(world.archive.root, path));
  const alice = await world.link(products, 'alice');
  const links = { alice, bob: await world.link(products, 'bob') };
  return { setting, package: name, version, architecture, file, products, links, layout, deb };
}

function publishLinks(world: World, good: Good, changed: NonNullable<Changed['links']> = {}): void {
  const published = good.setting === 'one' ? { alice: good.links.alice } : good.links;
  for (const [rebuilder, link] of Object.entries({ ...published, ...changed })) {
    if (link === undefined) world.withdraw(rebuilder, good.package, good.version);
    else world.publish(rebuilder, good.package, good.version, link);
  }
}

/** An index names the packages as they were changed; a mirror has others than its index names. */
function publishArchive(world: World, changes: readonly (readonly [Good, Changed])[]): void {
  const pathOf = (good: Good) => world.file(good.package).path;
  world.archive.publish({
    editPackages: (packages) =>
      packages
        .split('\n\n')
        .map((stanza) => {
          const [, path] = /^Filename: (.*)$/m.exec(stanza) ?? [];
          const [, changed] = changes.find(([good]) => pathOf(good) === path) ?? [];
          return changed?.deb === undefined ? stanza : withHashesOf(changed.deb, stanza);
        })
        .join('\n\n'),
  });
  for (const [good, { deb, mirrored = deb }] of changes) {
    if (mirrored !== undefined) writeFileSync(join(world.archive.root, pathOf(good)), mirrored);
  }
}

function withHashesOf(bytes: Buffer, stanza: string): string {
  const fields = { MD5sum: 'md5', SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' };
  return Object.entries(fields).reduce(
    (text, [field, hash]) =>
      text.replace(
        new RegExp(`^${field}: .*$`, 'm'),
        `${field}: ${createHash(hash).update(bytes).digest('hex')}`,
      ),
    stanza.replace(/^Size: .*$/m, `Size: ${bytes.length}`),
  );
}

function caseOf(
  world: World,
  good: Good,
  of: string,
  expected: Expected,
  { layout, owners = ['owner'] }: Changed = {},
  layoutName = '',
): Case {
  const usual = { name: good.setting === 'two' ? 'two' : 'one', content: good.layout };
  return {
    of,
    package: good.package,
    file: good.file.name,
    deb: join(world.archive.root, world.file(good.package).path),
    layout: layout === undefined ? usual : { name: layoutName, content: layout },
    owners,
    expected,
  };
}
