import { describe, expect, it } from 'vitest';
import { Turns } from '../../../../daemons/lib/daemon/turns.ts';

/** Work that ends when it is told to. */
function piece(name: string, begun: string[]) {
  let end: () => void = () => {};
  const work = () =>
    new Promise<string>((resolve) => {
      begun.push(name);
      end = () => resolve(name);
    });
  return { work, end: () => end() };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('let as many work as there are slots, and the others in the order they came', async () => {
    const turns = new Turns(2);
    const begun: string[] = [];
    const pieces = ['a', 'b', 'c', 'd'].map((name) => piece(name, begun));
    const done = pieces.map(({ work }) => turns.take(work));
    await settled();
    expect(begun).toEqual(['a', 'b']);
    pieces[1]?.end();
    await done[1];
    await settled();
    expect(begun).toEqual(['a', 'b', 'c']);
    for (const { end } of pieces) end();
    await settled();
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    pieces[3]?.end();
    expect(await Promise.all(done)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('go on after work that failed', async () => {
    const turns = new Turns(1);
    await expect(turns.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await turns.take(async () => 'next')).toBe('next');
  });
});
