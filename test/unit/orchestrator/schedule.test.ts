import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArchitecture, parseQubeName } from '../../../daemons/lib/domain/names.ts';
import type { Ask } from '../../../daemons/orchestrator/ledger/port.ts';
import { type Candidate, choose, kindsOffered, type Load } from '../../../daemons/orchestrator/schedule.ts';

const idle: Load = { busyGroups: new Set(), ahead: 0, paused: [] };
const getter: Ask = { queue: 'get', holder: parseQubeName('getter'), inputsAhead: 4, until: 60 };

describe('what is offered', () => {
  it('is inputs only while the builds ahead are fewer than wanted', () => {
    expect(kindsOffered(getter, { ...idle, ahead: 3 })).toContain('inputs');
    expect(kindsOffered(getter, { ...idle, ahead: 4 })).toEqual(['feed', 'official']);
    expect(kindsOffered({ ...getter, kinds: ['inputs'] }, { ...idle, ahead: 4 })).toEqual([]);
  });

  it('is nothing of a paused queue, and nothing that begins while all drains', () => {
    const paused = [{ scope: 'queue', value: 'get', act: 'pause' }] as const;
    expect(kindsOffered(getter, { ...idle, paused })).toEqual([]);
    expect(kindsOffered({ ...getter, queue: 'rebuild' }, { ...idle, paused })).toBeUndefined();
    const draining = [{ scope: 'all', value: '', act: 'drain' }] as const;
    expect(kindsOffered(getter, { ...idle, paused: draining })).toEqual(['official']);
    expect(kindsOffered({ ...getter, queue: 'rebuild' }, { ...idle, paused: draining })).toBeUndefined();
    expect(kindsOffered({ ...getter, queue: 'upload' }, { ...idle, paused: draining })).toEqual([]);
  });
});

describe('the choice', () => {
  const candidate = fc.record<Candidate>({
    id: fc.string(),
    kind: fc.constantFrom('deb', 'inputs'),
    dist: fc.constantFrom('bookworm.amd64', 'trixie.amd64'),
    group: fc.constantFrom(null, 'g', 'h'),
    architecture: fc.constantFrom(null, ...['all', 'amd64', 'arm64'].map(parseArchitecture)),
  });

  it('is the first in line that the worker can do and nothing holds back', () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 8 }), fc.boolean(), (line, isPaused) => {
        const ask = { ...getter, architectures: [parseArchitecture('amd64')] };
        const paused = isPaused ? [{ scope: 'dist', value: 'trixie.amd64', act: 'pause' } as const] : [];
        const load = { ...idle, busyGroups: new Set(['h']), paused };
        const fits = line.find(
          ({ group, architecture, dist }) =>
            group !== 'h' && architecture !== 'arm64' && !(isPaused && dist === 'trixie.amd64'),
        );
        expect(choose(ask, load, line)).toBe(fits);
      }),
    );
  });
});
