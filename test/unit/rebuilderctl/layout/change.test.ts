import { describe, expect, it } from 'vitest';
import { buildLayout, type LayoutKey } from '../../../../daemons/lib/domain/layout.ts';
import { addKeys, removeKeys } from '../../../../daemons/rebuilderctl/layout/change.ts';

function key(start: string, created = 1): LayoutKey {
  return {
    type: 'rsa',
    method: 'pgp+rsa-pkcsv1.5',
    hashes: ['pgp+SHA2'],
    keyid: start.padEnd(40, '0'),
    keyval: { private: '', public: { e: '010001', n: 'ff' } },
    creation_time: created,
  };
}
const one = key('11');
const two = key('22');
const layout = buildLayout({ rebuilders: [one], threshold: 1, expires: '2030-01-01T00:00:00Z' });

describe('addKeys', () => {
  it('appends new keys, takes renewed ones in place, and says which is which', () => {
    const renewed = { ...one, validity_period: 5 };
    const added = addKeys(layout, [renewed, two], 2);
    expect(added.changes).toEqual(['renewed', 'added']);
    expect(added.layout.keys).toEqual({ [one.keyid]: renewed, [two.keyid]: two });
    expect(added.layout.steps).toMatchObject([{ pubkeys: [one.keyid, two.keyid], threshold: 2 }]);
    expect(addKeys(added.layout, [two])).toEqual({ layout: added.layout, changes: ['unchanged'] });
  });

  it('has the step believe a key that was there and not named', () => {
    const unnamed = { ...layout, keys: { ...layout.keys, [two.keyid]: two } };
    expect(addKeys(unnamed, [two])).toMatchObject({
      changes: ['added'],
      layout: { steps: [{ pubkeys: [one.keyid, two.keyid] }] },
    });
  });

  it.each([
    ['more wanted than there are', layout, [two], 3, 'threshold'],
    ['none wanted', layout, [two], 0, 'threshold'],
    [
      'a key that shares a file with another',
      layout,
      [key(`${one.keyid.slice(0, 8)}ff`)],
      1,
      'key-collision',
    ],
    ['a layout of something else', { ...layout, steps: [] }, [two], 1, 'no-step'],
  ])('refuses %s', (_what, before, keys, threshold, code) => {
    expect(() => addKeys(before, keys, threshold)).toThrow(expect.objectContaining({ code }));
  });
});

describe('removeKeys', () => {
  const sub = key('33');
  const holder = { ...two, subkeys: { [sub.keyid]: sub } };
  const both = buildLayout({ rebuilders: [one, holder], threshold: 2, expires: '2030-01-01T00:00:00Z' });

  it('takes a key out of the keys and out of every step, with its subkeys', () => {
    const named = {
      ...both,
      steps: both.steps.map((step) => ({ ...step, pubkeys: [one.keyid, sub.keyid] })),
    };
    for (const layout of [both, named]) {
      const left = removeKeys(layout, [holder.keyid], 1);
      expect(left.keys).toEqual({ [one.keyid]: one });
      expect(left.steps).toMatchObject([{ pubkeys: [one.keyid], threshold: 1 }]);
    }
  });

  it('gives back what was before the key was added', () => {
    const added = addKeys(layout, [two], 2).layout;
    expect(removeKeys(added, [two.keyid], 1)).toEqual(layout);
  });

  it.each([
    [
      'a threshold that the others cannot reach',
      [two.keyid],
      undefined,
      'threshold',
      'asks for 2 rebuilders, and would have 1',
    ],
    ['the last key', [one.keyid, two.keyid], 1, 'threshold', 'would have 0'],
    ['no rebuilder wanted', [two.keyid], 0, 'threshold', 'asks for 0'],
    ['a key that it does not hold', [key('44').keyid], 1, 'no-keys', 'it holds no key 44'],
    ['a subkey', [sub.keyid], 1, 'no-keys', `it is a subkey of ${two.keyid}`],
    ['a name that every object has', ['toString'], 1, 'no-keys', 'it holds no key'],
  ])('refuses %s', (_what, keyids, threshold, code, say) => {
    expect(() => removeKeys(both, keyids, threshold)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(say) }),
    );
  });
});
