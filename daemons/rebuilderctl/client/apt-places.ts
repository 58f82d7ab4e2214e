import { join } from 'node:path';
import { type ClientFinding, clientFinding } from './findings.ts';
import type { AptItem } from './intoto-config.ts';
import { places } from './places.ts';
import type { Root } from './root.ts';

/** Where apt on that machine looks, seen from its own root; `/dev/null`: nowhere. */
export interface AptPlaces {
  readonly sourceList: string;
  readonly sourceParts: string;
  /** What apt starts for a scheme of ours. */
  readonly methods: Readonly<Record<'intoto' | 'intoto+https', string>>;
}

const nowhere = '/dev/null';

/** Reads options as apt does, which may move every file that it reads and replace any of its methods. */
export function aptPlacesOf(root: Root, items: readonly AptItem[]): AptPlaces {
  const values = new Map(items.map(({ name, value }) => [name.toLowerCase(), value]));
  const at = (name: string) => fromRoot(root, pathOf(values, name));
  // As acquire-worker.cc, Start, has it: one named for the scheme, or else the file of that name.
  const method = (scheme: string) =>
    values.has(`dir::bin::methods::${scheme}`)
      ? at(`dir::bin::methods::${scheme}`)
      : join(at('dir::bin::methods'), scheme);
  return {
    sourceList: at('dir::etc::sourcelist'),
    sourceParts: at('dir::etc::sourceparts'),
    methods: { intoto: method('intoto'), 'intoto+https': method('intoto+https') },
  };
}

/** Methods that apt starts in the place of one that verifies. */
export function replacedMethods({ methods }: AptPlaces): readonly ClientFinding[] {
  const ours: readonly string[] = Object.keys(methods).map((scheme) => `${places.methods}/${scheme}`);
  return Object.entries(methods)
    .filter(([, path]) => !ours.includes(path))
    .map(([scheme, path]) =>
      clientFinding(
        'method-replaced',
        `Dir::Bin::Methods::${scheme}`,
        `for ${scheme}:// apt starts ${path}, not ${places.methods}/${scheme}`,
      ),
    );
}

/** A path is below what the options above it name, up to one that is absolute (contrib/configuration.cc, FindFile). */
function pathOf(values: ReadonlyMap<string, string>, name: string): string {
  let path = values.get(name) ?? '';
  if (path === '') return nowhere;
  for (let at = name; !/^(?:\/|~\/|\.\.?\/)/.test(path) && at.includes('::'); ) {
    at = at.slice(0, at.lastIndexOf('::'));
    const above = values.get(at) ?? '';
    if (above !== '') path = `${above.replace(/\/$/, '')}/${path}`;
  }
  return path.startsWith(nowhere) ? nowhere : path.replace(/(?<=.)\/+$/, '');
}

/** apt is told of that root as `Dir`, and of nothing more. */
function fromRoot(root: Root, path: string): string {
  return path.startsWith(`${root.folder}/`) ? path.slice(root.folder.length) : path;
}
