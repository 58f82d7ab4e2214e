import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFeedBuild } from '../../../../daemons/lib/contracts/documents/feed.ts';
import { buildKey } from '../../../../daemons/lib/domain/build.ts';
import { buildSpecs } from '../../../support/contract-values.ts';

function keyOf(spec: unknown): string {
  return buildKey(parseFeedBuild({ build: spec, priority: 0, files: [] }).build);
}

describe('the key of a build', () => {
  const [spec] = fc.sample(buildSpecs, { numRuns: 1, seed: 1 });
  const hash = (digit: string) => digit.repeat(64);

  it('is the same whenever the build is listed again, with whatever evidence', () => {
    fc.assert(
      fc.property(buildSpecs, (one) => {
        expect(keyOf({ ...one, evidence: hash('0') })).toBe(keyOf({ ...one, evidence: hash('1') }));
      }),
    );
  });

  it('tells builds apart by all else that makes them different', () => {
    const same = {
      dist: 'bookworm.amd64',
      source: 'aa',
      version: '1',
      architecture: 'amd64',
      parts: ['any'],
    };
    const base = { ...spec, ...same, environment: { kind: 'inferred' } };
    const others = [
      { ...base, dist: 'bookworm.all' },
      { ...base, source: 'aab' },
      { ...base, version: '1+b1' },
      { ...base, architecture: 'all' },
      { ...base, parts: ['all'] },
      { ...base, parts: ['any', 'all'] },
      { ...base, environment: { kind: 'buildinfo', objects: [hash('a')] } },
      { ...base, environment: { kind: 'buildinfo', objects: [hash('b')] } },
      { ...base, environment: { kind: 'buildinfo-at', urls: ['https://example.org/a.buildinfo'] } },
    ];
    const keys = [base, ...others].map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
