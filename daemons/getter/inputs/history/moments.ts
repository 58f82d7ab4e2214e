import type { Sighting, Timestamp } from './sighting.ts';

/** One state of one suite, which has some of what is wanted. */
export type Moment = Readonly<{
  archive: string;
  suite: string;
  timestamp: Timestamp;
  components: readonly string[];
  /** Names (`nameOf`) of what it has. */
  has: readonly string[];
}>;

type Seen = Sighting & Readonly<{ suite: string; component: string }>;

/**
 * Few moments that together had every binary: the suite that had most of them first, and of it as few moments as can be;
 * each costs an index. As devscripts' scripts/debootsnap.py chooses, but that a moment of one suite counts for everything
 * that it had.
 *
 * @param sightings by name; those without a suite are not considered
 */
export function chooseMoments(sightings: ReadonlyMap<string, readonly Sighting[]>): readonly Moment[] {
  const moments: Moment[] = [];
  const left = new Map<string, readonly Seen[]>();
  for (const [name, all] of sightings) {
    const seen = all.filter((one): one is Seen => one.suite !== null && one.component !== null);
    if (seen.length > 0) left.set(name, seen);
  }
  while (left.size > 0) {
    const chosen = sweep(largest(left));
    for (const { has } of chosen) for (const name of has) left.delete(name);
    moments.push(...chosen);
  }
  return moments;
}

/** What one suite had, by name. */
type InSuite = ReadonlyMap<string, readonly Seen[]>;

function largest(left: ReadonlyMap<string, readonly Seen[]>): InSuite {
  const suites = new Map<string, Map<string, Seen[]>>();
  for (const [name, all] of left) {
    for (const one of all) {
      const key = `${one.archive} ${one.suite}`;
      const suite = suites.get(key) ?? new Map<string, Seen[]>();
      suites.set(key, suite.set(name, [...(suite.get(name) ?? []), one]));
    }
  }
  const [first, ...others] = [...suites].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, suite]) => suite);
  if (first === undefined) throw new TypeError('nothing is left to choose from');
  return others.reduce((most, suite) => (suite.size > most.size ? suite : most), first);
}

/**
 * The moments at which as few as possible of these intervals end before the next is needed: taking the earliest of the last
 * ends each time is optimal where each name has one interval.
 */
function sweep(suite: InSuite): readonly Moment[] {
  const moments: Moment[] = [];
  const left = new Map([...suite].sort(([, a], [, b]) => (last(a).end < last(b).end ? -1 : 1)));
  for (const [name, all] of left) {
    if (!left.has(name)) continue;
    const { archive, suite: of, end: timestamp } = last(all);
    const has: string[] = [];
    const components = new Set<string>();
    for (const [other, intervals] of left) {
      const there = intervals.find(({ begin, end }) => begin <= timestamp && timestamp <= end);
      if (there === undefined) continue;
      components.add(there.component);
      has.push(other);
      left.delete(other);
    }
    moments.push({ archive, suite: of, timestamp, components: [...components].sort(), has: has.sort() });
  }
  return moments;
}

function last(intervals: readonly Seen[]): Seen {
  return intervals.reduce((latest, one) => (one.end > latest.end ? one : latest));
}
