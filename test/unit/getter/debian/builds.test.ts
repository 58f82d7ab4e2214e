import { describe, expect, it } from 'vitest';
import {
  buildsOfVersion,
  type ListedBuild,
  newestBuilds,
  sourceVersions,
} from '../../../../daemons/getter/debian/builds.ts';
import {
  type Architecture,
  parseArchitecture,
  parseDebVersion,
  parseSourceName,
} from '../../../../daemons/lib/domain/names.ts';

function build(version: string, architecture: string): ListedBuild {
  const source = version.replace(/\+b\d+$/, '');
  return {
    source: parseSourceName('src'),
    sourceVersion: parseDebVersion(source),
    version: parseDebVersion(version),
    architecture: parseArchitecture(architecture) as Architecture,
    parts: [architecture === 'all' ? 'all' : 'any'],
  };
}

const builds = [
  build('1.0-1', 'amd64'),
  build('1.0-1', 'all'),
  build('1.0-1+b9', 'amd64'),
  build('1.0-1+b10', 'amd64'),
  build('2.0~rc1-1', 'all'),
];
const named = (found: readonly ListedBuild[]) =>
  found.map(({ version, architecture }) => `${version} ${architecture}`).sort();

describe('choosing builds of a source', () => {
  it('orders source versions from the newest', () => {
    expect(sourceVersions(builds)).toEqual(['2.0~rc1-1', '1.0-1']);
  });

  it('takes of each architecture the newest build of a source version', () => {
    expect(named(newestBuilds(builds, parseDebVersion('1.0-1')))).toEqual(['1.0-1 all', '1.0-1+b10 amd64']);
    expect(newestBuilds(builds, undefined)).toEqual([]);
  });

  it("takes a build by its own version before it takes the source's", () => {
    expect(named(buildsOfVersion(builds, parseDebVersion('1.0-1+b9')))).toEqual(['1.0-1+b9 amd64']);
    expect(named(buildsOfVersion(builds, parseDebVersion('1.0-1')))).toEqual(['1.0-1 all', '1.0-1 amd64']);
    const without = builds.slice(1);
    expect(named(buildsOfVersion(without, parseDebVersion('1.0-1')))).toEqual([
      '1.0-1 all',
      '1.0-1+b10 amd64',
    ]);
    expect(buildsOfVersion(builds, parseDebVersion('3'))).toEqual([]);
  });
});
