import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EnvironmentSource } from '../../lib/domain/build.ts';
import { withoutEpoch } from '../../lib/domain/names.ts';
import type { ListedBuild } from './builds.ts';

/** Where the buildinfo of a build may be: a service's pool, a folder, or nowhere. */
export type BuildinfoPlaces = (build: ListedBuild) => EnvironmentSource;

const inferred: EnvironmentSource = { kind: 'inferred' };
const maxPlaces = 20;

/**
 * @param where URL of a service in the layout of buildinfos.debian.net, a folder of .buildinfo files, or undefined
 * @param buildArchitecture of the machines that build, under which packages for all architectures may be filed
 */
export async function buildinfoPlaces(
  where: string | undefined,
  buildArchitecture: string,
): Promise<BuildinfoPlaces> {
  if (where === undefined) return () => inferred;
  if (/^https?:/.test(where)) {
    const root = where.replace(/\/+$/, '');
    return (build) => ({ kind: 'buildinfo-at', urls: serviceUrls(root, build, buildArchitecture) });
  }
  const byBuild = await folderFiles(where);
  return (build) => {
    const names = byBuild.get(`${build.source}_${withoutEpoch(build.version)}`) ?? [];
    const urls = ordered(names, build.architecture).map((name) => pathToFileURL(join(where, name)).href);
    return urls.length === 0 ? inferred : { kind: 'buildinfo-at', urls: urls.slice(0, maxPlaces) };
  };
}

/** facts: debian-rebuild §6. A file for all architectures stands under `all` or under the builder's own. */
function serviceUrls(root: string, build: ListedBuild, buildArchitecture: string): readonly string[] {
  const { source, version, architecture } = build;
  const letter = source.startsWith('lib') ? source.slice(0, 4) : source.slice(0, 1);
  const file = `${root}/buildinfo-pool/${letter}/${source}/${source}_${withoutEpoch(version)}`;
  const own = architecture === 'all' ? buildArchitecture : architecture;
  const kinds = architecture === 'all' ? ['all', own] : [own];
  const names = [
    ...kinds,
    ...kinds.map((kind) => `${kind}-source`),
    'source',
    `all-${own}`,
    `all-${own}-source`,
  ];
  return [...new Set(names)].map((name) => encodeURI(`${file}_${name}.buildinfo`));
}

/** Names of the folder by `source_version`. */
async function folderFiles(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = new Map<string, string[]>();
  for (const name of (await readdir(folder)).sort()) {
    const build = /^([^_]+_[^_]+)_[^_]+\.buildinfo$/.exec(name)?.[1];
    if (build === undefined) continue;
    const known = files.get(build);
    if (known === undefined) files.set(build, [name]);
    else known.push(name);
  }
  return files;
}

/** The ones named after the architecture first. */
function ordered(names: readonly string[], architecture: string): readonly string[] {
  const own = names.filter((name) => name.endsWith(`_${architecture}.buildinfo`));
  return [...own, ...names.filter((name) => !own.includes(name))];
}
