import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildLayout, type LayoutKey, parseLayout } from '../../../../daemons/lib/domain/layout.ts';
import { type JsonObject, MetablockError } from '../../../../daemons/lib/domain/metablock.ts';
import { type Json, overTheWire, placesOf, replaced } from '../../../support/json-places.ts';
import { askPython } from '../../../support/python.ts';

function key(keyid: string): LayoutKey {
  return {
    type: 'rsa',
    method: 'pgp+rsa-pkcsv1.5',
    hashes: ['pgp+SHA2'],
    keyid,
    keyval: { private: '', public: { e: '010001', n: 'ff' } },
    creation_time: 1,
  };
}
const one = key('11'.repeat(20));
const two = key('22'.repeat(20));
const expires = '2030-01-01T00:00:00Z';

describe('buildLayout', () => {
  it('makes the rebuild layout that apt’s transport ships, for these keys', () => {
    const layout = buildLayout({ rebuilders: [one, two], threshold: 2, expires });
    expect(layout.steps).toEqual([
      {
        _type: 'step',
        name: 'rebuild',
        pubkeys: [one.keyid, two.keyid],
        threshold: 2,
        expected_command: [],
        expected_materials: [],
        expected_products: [
          ['CREATE', '*.deb'],
          ['DISALLOW', '*.deb'],
        ],
      },
    ]);
    expect(layout.inspect[0]).toMatchObject({ name: 'verify-reprobuilds', run: ['/usr/bin/true'] });
    expect(Object.keys(layout.keys)).toEqual([one.keyid, two.keyid]);
    expect(parseLayout(layout as unknown as JsonObject)).toEqual(layout);
  });

  it.each([
    ['no key', [], 1, expires, 'no-keys'],
    ['a threshold of none', [one], 0, expires, 'threshold'],
    ['more wanted than there are', [one], 2, expires, 'threshold'],
    ['half a rebuilder', [one, two], 1.5, expires, 'threshold'],
    ['an expiry that in-toto cannot read', [one], 1, '2030-01-01', 'expiry'],
    [
      'two keys that in-toto would store in one file',
      [one, key(`${'11'.repeat(4)}${'33'.repeat(16)}`)],
      1,
      expires,
      'key-collision',
    ],
  ])('refuses %s', (_what, rebuilders, threshold, when, code) => {
    expect(() => buildLayout({ rebuilders, threshold, expires: when })).toThrow(
      expect.objectContaining({ code }),
    );
  });
});

describe('parseLayout', () => {
  const good = overTheWire(buildLayout({ rebuilders: [one, two], threshold: 2, expires }));
  const places = placesOf(good);

  it('answers a layout with anything in it changed with a layout that reads the same again, or a MetablockError', () => {
    const noise: fc.Arbitrary<Json> = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }).map(overTheWire),
      fc.constantFrom<Json>({ toString: 1, valueOf: 1 }, 'x'.repeat(10_000), 2 ** 53, -1, 0.5),
    );
    let read = 0;
    fc.assert(
      fc.property(fc.constantFrom(...places), noise, ({ steps }, by) => {
        const changed = replaced(good, steps, by) as unknown as JsonObject;
        if (typeof changed !== 'object' || changed === null) return;
        try {
          const layout = parseLayout(changed);
          expect(parseLayout(layout as unknown as JsonObject)).toEqual(layout);
          read += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(MetablockError);
        }
      }),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(0);
  });

  it.each([
    ['keys', Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`${at}`, { keyid: `${at}` }]))],
    ['steps', Array.from({ length: 10_000 }, (_, at) => ({ _type: 'step', name: `${at}` }))],
    ['inspect', Array.from({ length: 10_000 }, (_, at) => ({ _type: 'inspection', name: `${at}` }))],
  ])('refuses more %s than any layout has', (member, many) => {
    const layout = { ...(good as JsonObject), [member]: many };
    expect(() => parseLayout(layout)).toThrow(expect.objectContaining({ code: 'too-large' }));
  });

  it('lets nothing through that in-toto would not load', () => {
    const plain = {
      keyid: '33'.repeat(32),
      keytype: 'ed25519',
      scheme: 'ed25519',
      keyid_hash_algorithms: ['sha256', 'sha512'],
      keyval: { public: '44'.repeat(32), private: '' },
    };
    const dsa = {
      ...one,
      keyid: '55'.repeat(20),
      type: 'dsa',
      method: 'pgp+dsa-fips-180-2',
      keyval: { private: '', public: { y: '1', p: '2', q: '3', g: '4' } },
      validity_period: 5,
    };
    const whole = overTheWire({
      ...(good as JsonObject),
      keys: {
        [one.keyid]: { ...one, validity_period: 7, subkeys: { [two.keyid]: two } },
        [plain.keyid]: plain,
        [dsa.keyid]: dsa,
      },
    });
    const noise: fc.Arbitrary<Json> = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }).map(overTheWire),
      fc.constantFrom<Json>('ab', 'MATCH', 'with', 'IN', 'require', [['ALLOW', '*']], [], {}, 1, 0, -1, ''),
      fc.constantFrom<Json>(
        '2030-02-31T00:00:00Z',
        '2030-02-28T00:00:00Z',
        2 ** 31,
        2 ** 32,
        null,
        'ed25519',
      ),
    );
    const everywhere = placesOf(whole);
    const accepted: Json[] = [whole];
    for (const [{ steps }, by] of fc.sample(fc.tuple(fc.constantFrom(...everywhere), noise), 4_000)) {
      const changed = replaced(whole, steps, by);
      try {
        parseLayout(changed as unknown as JsonObject);
        accepted.push(changed);
      } catch {
        // Refused: in-toto may be more generous.
      }
    }
    expect(accepted.length).toBeGreaterThan(50);
    const refusals = askPython(
      `
import json, sys
from in_toto.models.layout import Layout
def why(layout):
  try:
    Layout.read(layout)
  except Exception as error:
    return str(error)[:200]
print(json.dumps([why(layout) for layout in json.load(sys.stdin)]))`,
      accepted,
    ) as (string | null)[];
    expect(accepted.filter((_, at) => refusals[at] !== null)).toEqual([]);
  });
});
