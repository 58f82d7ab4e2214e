import { describe, expect, it } from 'vitest';
import { PublishedLinks, resultsOf, resultsTree } from '../../../daemons/reporter/results-tree.ts';
import { entry, resultRow } from './rows.ts';

function treeOf(rows: ReturnType<typeof resultRow>[], paths: string[] = []) {
  const unknown: string[] = [];
  const tree = resultsTree(
    resultsOf(rows, (row) => unknown.push(row.dist)),
    new PublishedLinks(paths.map(entry)),
  );
  return { tree, unknown };
}

describe('resultsTree', () => {
  it("has upstream's shape, with records under the state they are in", () => {
    const { tree } = treeOf(
      [resultRow()],
      [
        'debian/sources/libcap2/2.66-4+deb12u3+b1/rebuild.0123abcd.amd64.link',
        'debian/sources/libcap2/2.66-4+deb12u3+b1/rebuild.0123abcd.link',
      ],
    );
    expect(tree).toMatchObject({
      bookworm: {
        amd64: {
          full: {
            reproducible: [
              {
                name: 'libcap2',
                epoch: '1',
                version: '2.66-4+deb12u3+b1',
                arch: 'amd64',
                distribution: 'bookworm',
                status: 'reproducible',
                metadata: {
                  reproducible: '/debian/sources/libcap2/2.66-4+deb12u3+b1/rebuild.0123abcd.link',
                  unreproducible: null,
                },
                files: { reproducible: ['libcap2_2.66-4+deb12u3+b1_amd64.deb'], unreproducible: [] },
              },
            ],
          },
        },
      },
    });
    expect(Object.keys(tree.bookworm?.amd64?.full ?? {})).toEqual(['reproducible']);
  });

  it('tells what was attested, whatever the status', () => {
    const attested = [{ verdict: 'reproducible', at: 1_764_000_000_000 }];
    const { tree } = treeOf([resultRow({ state: 'failure', attested })]);
    expect(tree.bookworm?.amd64?.full?.failure?.[0]?.attested).toEqual([
      { verdict: 'reproducible', at: '2025-11-24T16:00:00Z' },
    ]);
  });

  it('joins the architectures of a distribution under one more name', () => {
    const { tree } = treeOf([
      resultRow({ source: 'zlib' }),
      resultRow({ source: 'adduser', dist: 'bookworm.all', state: 'pending', verdict: null }),
      resultRow({ source: 'dash' }),
    ]);
    const names = Object.keys(tree.bookworm ?? {});
    expect(names).toHaveLength(3);
    expect(names[2]).toBe(`${names[0]}+${names[1]}`);
    const joined = tree.bookworm?.[names[2] ?? '']?.full;
    expect(joined?.reproducible?.map(({ name }) => name)).toEqual(['dash', 'zlib']);
    expect(joined?.pending?.map(({ name }) => name)).toEqual(['adduser']);
    expect(Object.keys(tree.bookworm?.amd64?.full ?? {})).toEqual(['reproducible']);
  });

  it('does not join a single architecture with itself', () => {
    expect(Object.keys(treeOf([resultRow()]).tree.bookworm ?? {})).toEqual(['amd64']);
  });

  it('files a dist of several sets under their joined name, full sets under full', () => {
    const { tree } = treeOf([
      resultRow({ dist: 'sid+essential+required.amd64' }),
      resultRow({ dist: 'trixie+essential+full.amd64' }),
    ]);
    expect(Object.keys(tree.sid?.amd64 ?? {})).toEqual(['essential+required']);
    expect(Object.keys(tree.trixie?.amd64 ?? {})).toEqual(['full']);
  });

  it('takes a suite whose name every object has', () => {
    const { tree } = treeOf([resultRow({ dist: 'constructor+toString.all' })]);
    expect(tree.constructor).toMatchObject({ all: { toString: { reproducible: [{ name: 'libcap2' }] } } });
  });

  it('leaves out, and tells, a dist that is not of the grammar', () => {
    const { tree, unknown } = treeOf([resultRow({ dist: 'qubes-4.3.amd64' }), resultRow()]);
    expect(unknown).toEqual(['qubes-4.3.amd64']);
    expect(Object.keys(tree)).toEqual(['bookworm']);
  });
});
