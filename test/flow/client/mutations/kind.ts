import type { Artifacts } from '../../../../daemons/lib/domain/link.ts';
import type { World } from '../world.ts';
import type { Draw } from './draw.ts';
import type { Expected } from './expected.ts';

/** Who published a package, and how many of them the layout asks for. */
export type Setting =
  /** Alice did; the layout asks for one. */
  | 'one'
  /** Alice and Bob did; the layout asks for both. */
  | 'two'
  /** Alice and Bob did; the layout asks for one: Alice's link counts, being by the first of its keys. */
  | 'spare';

export type Rebuilder = 'alice' | 'bob';

/** A package as it is in a good publication. */
export interface Good {
  readonly setting: Setting;
  readonly package: string;
  readonly version: string;
  readonly architecture: string;
  /** The name that apt gives it on disk, which links list, and its hash. */
  readonly file: Readonly<{ name: string; sha256: string }>;
  /** As rebuilders list it: by the name on disk, and by the one in the pool. */
  readonly products: Artifacts;
  readonly links: Readonly<Record<Rebuilder, string>>;
  readonly layout: string;
  readonly deb: Buffer;
}

/** What is served or held in place of what was good; a link that is undefined is not there. */
export interface Changed {
  readonly links?: Readonly<Partial<Record<Rebuilder, string | Buffer | undefined>>>;
  /** The archive's signed index names these bytes. */
  readonly deb?: Buffer;
  /** A mirror has these bytes, the index still names the good ones. */
  readonly mirrored?: Buffer;
  readonly layout?: string | Buffer;
  /** Whose signatures the layout must have. */
  readonly owners?: readonly ('owner' | 'stranger')[];
}

/** One way to change a good publication. */
export interface Kind {
  readonly of: string;
  /** In how many mutations of the whole campaign. */
  readonly times: number;
  /** One of these is drawn. */
  readonly settings: readonly Setting[];
  readonly expected: Expected;
  /** It changes the layout alone: any good package does. */
  readonly onlyLayout?: true;
  readonly change: (good: Good, draw: Draw, world: World) => Changed | Promise<Changed>;
}

/** The link that is changed: whose it is, and of which package. */
export interface Place {
  readonly good: Good;
  readonly by: Rebuilder;
  readonly draw: Draw;
  readonly world: World;
}

type Served = string | Buffer;
export type Serve = (text: string, place: Place) => Served | undefined | Promise<Served | undefined>;

/** One rebuilder serves something else than its link. */
export function linkKind(of: string, times: number, expected: Expected, serve: Serve): Kind {
  return {
    of: `link: ${of}`,
    times,
    settings: ['one', 'two'],
    expected,
    change: async (good, draw, world) => {
      const by = good.setting === 'one' ? 'alice' : draw.pick(['alice', 'bob'] as const);
      return { links: { [by]: await serve(good.links[by], { good, by, draw, world }) } };
    },
  };
}

/** Who verifies has another layout. */
export function layoutKind(
  of: string,
  times: number,
  expected: Expected,
  layoutOf: (good: Good, draw: Draw, world: World) => Served | Promise<Served>,
): Kind {
  return {
    of: `layout: ${of}`,
    times,
    settings: ['one', 'two'],
    expected,
    onlyLayout: true,
    change: async (good, draw, world) => ({ layout: await layoutOf(good, draw, world) }),
  };
}

/** All who publish sign and serve the same. */
export async function byAll(
  { setting }: Good,
  link: (by: Rebuilder) => Promise<string>,
): Promise<NonNullable<Changed['links']>> {
  const alice = await link('alice');
  return setting === 'one' ? { alice } : { alice, bob: await link('bob') };
}
