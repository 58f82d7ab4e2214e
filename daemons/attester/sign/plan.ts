import type { BuildSpec } from '../../lib/domain/build.ts';
import {
  type Artifacts,
  buildLinkName,
  type EarlierProduct,
  isMergedLink,
  type Link,
  linkOf,
  mergedLinkName,
  metadataPath,
  type Product,
  productNames,
  sourceFolder,
} from '../../lib/domain/link.ts';
import type { JsonObject } from '../../lib/domain/metablock.ts';
import { type PublicationPath, parsePublicationPath, withoutEpoch } from '../../lib/domain/names.ts';
import { labelOf } from '../../lib/domain/published.ts';
import type { EarlierLink } from './earlier.ts';

/** A link to be signed, and where it is published once the key that signed it is known. */
export interface PlannedLink {
  readonly link: Link;
  path(keyid: string): PublicationPath;
}

export interface PlanOptions {
  /** The folder of the publication that has this dist's `sources/`. */
  readonly folder: string;
  readonly build: BuildSpec;
  readonly products: readonly Product[];
  readonly earlier: readonly EarlierLink[];
  /** Whether apt's transport is to find the binaries there: not in the tree of what differed. */
  readonly perBinary: boolean;
}

/**
 * The links of one build: one document for each binary package and version with exactly its files, and upstream's two
 * for the source. Each keeps what an earlier link at its place said, as far as that was of the same subject.
 */
export function planLinks(options: PlanOptions): readonly PlannedLink[] {
  if (options.products.length === 0) return [];
  return [...(options.perBinary ? planBinaries(options) : []), ...planSource(options)];
}

function planBinaries({ folder, build, products, earlier }: PlanOptions): readonly PlannedLink[] {
  const merged = ofSource(folder, build, earlier).filter((link) => isMergedLink(link.path));
  const groups = new Map<string, Product[]>();
  for (const product of products) {
    const key = `${product.package} ${product.version}`;
    groups.set(key, [...(groups.get(key) ?? []), product]);
  }
  return [...groups.values()].flatMap((group): PlannedLink[] => {
    const [first] = group;
    if (first === undefined) return [];
    const path = metadataPath(folder, first.package, first.version);
    const versions: readonly string[] = [first.version, withoutEpoch(first.version)];
    const isOfBinary = (one: EarlierProduct) =>
      one.package === first.package && versions.includes(one.version);
    // A source may have more binaries than a job is told links of: its merged links name the files of all.
    const kept = earlier.flatMap((link) => {
      if (link.path === path && link.products.every(isOfBinary)) return [link];
      return merged.includes(link) ? [{ ...link, products: link.products.filter(isOfBinary) }] : [];
    });
    return [{ link: linkOf(merge(kept, group)), path: () => path }];
  });
}

/**
 * Whether an earlier link of the same build and label vouches for these very files, and for another: documents of these
 * alone must not replace those that say of it what it rests on.
 */
export function coversFewer({ folder, build, products, earlier }: PlanOptions): boolean {
  const ours = products.flatMap((product) =>
    productNames(product).map((name) => [name, product.sha256] as const),
  );
  return ofLabel(ofSource(folder, build, earlier), build).some((link) => {
    const theirs = new Map(link.products.map(({ name, sha256 }) => [name, sha256]));
    return theirs.size > ours.length && ours.every(([name, sha256]) => theirs.get(name) === sha256);
  });
}

function ofLabel(links: readonly EarlierLink[], build: BuildSpec): readonly EarlierLink[] {
  return links.filter(({ path }) => path.endsWith(`.${labelOf(build)}.link`));
}

/** Earlier links of the same source and version: both stand in the link itself, for its path is not signed. */
function ofSource(
  folder: string,
  { source, version }: BuildSpec,
  earlier: readonly EarlierLink[],
): readonly EarlierLink[] {
  const under = sourceFolder(folder, source, version);
  return earlier.filter(
    ({ path, environment }) =>
      path.startsWith(`${under}/`) && environment.source === source && environment.version === version,
  );
}

function planSource({ folder, build, products, earlier }: PlanOptions): readonly PlannedLink[] {
  const subject = { source: build.source, version: build.version };
  const under = sourceFolder(folder, build.source, build.version);
  const label = labelOf(build);
  const ours = ofSource(folder, build, earlier);
  const ofBuild = ofLabel(ours, build);
  const planned = (kept: readonly EarlierLink[], name: (keyid: string) => string): PlannedLink => ({
    link: linkOf(merge(kept, products), subject as JsonObject),
    path: (keyid) => parsePublicationPath(`${under}/${name(keyid)}`),
  });
  return [planned(ofBuild, (keyid) => buildLinkName(keyid, label)), planned(ours, mergedLinkName)];
}

/** What is new wins: it was compared with today's index. */
function merge(earlier: readonly EarlierLink[], products: readonly Product[]): Artifacts {
  const merged: Record<string, { readonly sha256: string }> = {};
  for (const link of earlier) {
    for (const { name, sha256 } of link.products) merged[name] = { sha256 };
  }
  for (const product of products) {
    for (const name of productNames(product)) merged[name] = { sha256: product.sha256 };
  }
  return merged;
}
