import { describe, expect, it } from 'vitest';
import { Recent } from '../../../../daemons/lib/daemon/recent.ts';

describe('what was used last', () => {
  it('is kept, up to so many, and what was used longest ago goes first', () => {
    const recent = new Recent<string, number>(2);
    recent.set('a', 1);
    recent.set('b', 2);
    expect(recent.get('a')).toBe(1);
    recent.set('c', 3);
    expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([1, undefined, 3]);
    recent.delete('a');
    expect(recent.get('a')).toBeUndefined();
  });
});
