import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContractError } from '../../daemons/lib/contracts/contract.ts';
import {
  isList,
  isRecord,
  type Json,
  type JsonPlace,
  overTheWire,
  placesOf,
  replaced,
  withMember,
  withoutMember,
} from './json-places.ts';

/** What every parser of a contract has to keep, whatever arrives. */

/**
 * One parser and what it is allowed to accept. Paths are written as `leases.*.job`, and name every path that ends with
 * them, or with a slash before them the one path; what is in none of these lists has to be there, be of its own kind,
 * and be a plain name if it is a text.
 */
export interface ParserFacts {
  readonly what: string;
  readonly parse: (untrusted: unknown) => unknown;
  /** Values with as many members as the document can have. */
  readonly valid: fc.Arbitrary<unknown>;
  /** Members that may be left out. */
  readonly optional?: readonly string[];
  readonly nullable?: readonly string[];
  /** Texts for people, any characters, with the most that each may hold. */
  readonly texts?: Readonly<Record<string, number>>;
  /** Names that may be empty. */
  readonly emptyNames?: readonly string[];
  /** Every list, with the most members that it may hold. */
  readonly lists?: Readonly<Record<string, number>>;
  /** Numbers that may have a fraction. */
  readonly fractions?: readonly string[];
  /** Passed on unread: somebody else's document. */
  readonly opaque?: readonly string[];
}

/** Holds a parser to its laws, one test a law. */
export function describeParser(facts: ParserFacts): void {
  describe(facts.what, () => {
    /** Each kind of place that valid values have, once: the members of a list are alike. */
    const each = (check: (value: Json, places: readonly JsonPlace[]) => void) => {
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(facts.valid, (sent) => {
          const value = overTheWire(sent);
          const places = placesOf(value, (path) => listed(facts.opaque, path)).filter(({ path }) => {
            const times = seen.get(path) ?? 0;
            seen.set(path, times + 1);
            return times === 0;
          });
          check(value, places);
        }),
        { numRuns: 6, endOnFailure: true },
      );
      expect(seen.size).toBeGreaterThan(1);
    };

    it('reads back all that was written, and nothing else', () => {
      fc.assert(
        fc.property(facts.valid, (sent) => {
          const value = overTheWire(sent);
          const parsed = overTheWire(facts.parse(value));
          expect(overTheWire(facts.parse(parsed))).toEqual(parsed);
          expectWithin(value, parsed, facts, '');
        }),
        { numRuns: 15 },
      );
    });

    it('refuses a member that it does not know, wherever it stands', () => {
      each((value, places) => {
        for (const place of places) {
          if (!isRecord(place.value) || listed(facts.opaque, place.path)) continue;
          for (const name of ['surplus', '__proto__', 'constructor', 'toString', '']) {
            expectRefused(facts, value, place, withMember(place.value, name, { v: 1 }), `with ${name}`);
          }
        }
      });
    });

    it('refuses to miss a member that has no default', () => {
      each((value, places) => {
        for (const place of places) {
          if (!isRecord(place.value) || listed(facts.opaque, place.path)) continue;
          for (const name of Object.keys(place.value)) {
            const path = place.path === '' ? name : `${place.path}.${name}`;
            const left = withoutMember(place.value, name);
            if (!listed(facts.optional, path)) expectRefused(facts, value, place, left, `without ${name}`);
            else facts.parse(replaced(value, place.steps, left));
          }
        }
      });
    });

    it('refuses a value of another kind or beyond its bounds, wherever it stands', () => {
      each((value, places) => {
        for (const place of places) {
          if (listed(facts.opaque, place.path)) continue;
          for (const wrong of wrongValues(place, facts)) expectRefused(facts, value, place, wrong, 'as');
          const whole = longestText(place.path, facts);
          if (typeof place.value === 'string' && whole !== undefined) {
            facts.parse(replaced(value, place.steps, 'x'.repeat(whole)));
            expectRefused(facts, value, place, 'x'.repeat(whole + 1), 'with one more, as');
          }
          if (listed(facts.nullable, place.path)) facts.parse(replaced(value, place.steps, null));
        }
      });
    });

    it('refuses a list that is longer than its cap, and has a cap for each', () => {
      each((value, places) => {
        for (const place of places) {
          if (!isList(place.value) || listed(facts.opaque, place.path)) continue;
          const most = entryOf(facts.lists, place.path);
          expect(most, `${facts.what}: the cap of the list ${place.path}`).toBeDefined();
          const [first] = place.value;
          if (first === undefined || most === undefined) continue;
          const beyond = Array.from({ length: most + 1 }, () => first);
          expectRefused(facts, value, place, beyond, `with ${most + 1} members`);
          facts.parse(replaced(value, place.steps, beyond.slice(1)));
        }
      });
    });

    it('answers any value with one that keeps its promises, or a ContractError', () => {
      const noise = fc.oneof(fc.jsonValue({ maxDepth: 2 }).map(overTheWire), fc.constantFrom(...hostile));
      const changed = fc
        .tuple(facts.valid, fc.array(fc.tuple(fc.nat(), noise), { minLength: 1, maxLength: 3 }))
        .map(([sent, changes]) =>
          changes.reduce((value, [at, by]) => {
            const places = placesOf(value);
            return replaced(value, places[at % places.length]?.steps ?? [], by);
          }, overTheWire(sent)),
        );
      fc.assert(
        fc.property(
          fc.oneof({ weight: 1, arbitrary: noise }, { weight: 4, arbitrary: changed }),
          (untrusted) => {
            const parsed = accepted(facts, untrusted);
            if (parsed !== undefined) expectPromises(overTheWire(parsed), facts);
          },
        ),
        { numRuns: 40 },
      );
    });
  });
}

/** Values that have broken readers before: not one of them is a name, a hash or a number of ours. */
const hostile: readonly Json[] = [
  '.',
  '..',
  '../../etc/passwd',
  'a/../b',
  'a//b',
  '/etc/passwd',
  'a\0b',
  'a\n',
  ' a',
  '\u001b[2J',
  '\ud800',
  '__proto__',
  'x'.repeat(300_000),
  -1,
  2 ** 53,
  1e300,
  { toString: 1, valueOf: 1 },
  JSON.parse('{"__proto__":{"v":1}}') as Json,
];

const hostileTexts = hostile.filter((value) => typeof value === 'string');
const otherKinds: readonly Json[] = [true, [], [[]], {}, { toString: 1, valueOf: 1 }, { length: 1 }];

function wrongValues(place: JsonPlace, facts: ParserFacts): readonly Json[] {
  const { path, value } = place;
  const notNull: readonly Json[] = listed(facts.nullable, path) ? [] : [null];
  if (typeof value === 'string') {
    const names = longestText(path, facts) === undefined ? hostileTexts : [];
    const empty = longestText(path, facts) === undefined && !listed(facts.emptyNames, path) ? [''] : [];
    return [...otherKinds, ...notNull, ...names, ...empty, 1];
  }
  if (typeof value === 'number') {
    const fractions = listed(facts.fractions, path) ? [] : [0.5];
    return [...otherKinds, ...notNull, ...fractions, -1, 2 ** 53, 1e300, '1'];
  }
  if (typeof value === 'boolean') return [...notNull, 'true', 1, 0, [], {}];
  if (isList(value)) return [...notNull, {}, { length: 0 }, '', 1, true];
  return value === null ? [] : [...notNull, [], '', 1, true];
}

function accepted(facts: ParserFacts, untrusted: Json): unknown {
  try {
    return facts.parse(untrusted);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    expect(error.message.length).toBeGreaterThan(0);
    return undefined;
  }
}

function expectRefused(facts: ParserFacts, whole: Json, place: JsonPlace, by: Json, how: string): void {
  if (accepted(facts, replaced(whole, place.steps, by)) === undefined) return;
  const shown = JSON.stringify(by).slice(0, 60);
  expect.fail(`${facts.what} was accepted: ${place.path || 'all'} ${how} ${shown}`);
}

/** Every member that was sent stands in what was read, unchanged. */
function expectWithin(sent: Json, read: Json, facts: ParserFacts, path: string): void {
  if (!isRecord(sent) || !isRecord(read) || listed(facts.opaque, path)) {
    if (isList(sent) && isList(read)) {
      expect(read.length, path).toBe(sent.length);
      for (const [index, member] of sent.entries()) {
        expectWithin(member, read[index] as Json, facts, `${path}.*`);
      }
    } else expect(read, path).toEqual(sent);
    return;
  }
  for (const [name, member] of Object.entries(sent)) {
    expectWithin(member, read[name] as Json, facts, path === '' ? name : `${path}.${name}`);
  }
}

/** Bounded texts and numbers, plain names, no member that a prototype has. */
function expectPromises(parsed: Json, facts: ParserFacts): void {
  for (const { path, value } of placesOf(parsed, (at) => listed(facts.opaque, at))) {
    if (listed(facts.opaque, path)) continue;
    if (typeof value === 'number') {
      expect(value, path).toBeGreaterThanOrEqual(0);
      expect(value, path).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
      if (!listed(facts.fractions, path)) expect(Number.isSafeInteger(value), path).toBe(true);
    } else if (typeof value === 'string') {
      const most = longestText(path, facts);
      expect(value.length, path).toBeLessThanOrEqual(most ?? 1_000);
      if (most !== undefined) continue;
      expect(value, path).toMatch(/^[!-~]*$/);
      expect(value.split('/'), path).not.toContain('..');
    } else if (isList(value)) {
      expect(value.length, path).toBeLessThanOrEqual(entryOf(facts.lists, path) ?? 0);
    } else if (isRecord(value)) {
      expect(Object.keys(value), path).not.toContain('__proto__');
    }
  }
}

function longestText(path: string, facts: ParserFacts): number | undefined {
  return entryOf(facts.texts, path);
}

function listed(names: readonly string[] | undefined, path: string): boolean {
  return names?.some((name) => isNamed(path, name)) ?? false;
}

function entryOf(entries: Readonly<Record<string, number>> | undefined, path: string): number | undefined {
  return Object.entries(entries ?? {}).find(([name]) => isNamed(path, name))?.[1];
}

function isNamed(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`) || `/${path}` === name;
}
