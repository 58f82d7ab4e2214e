import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHostName } from '../../../../daemons/lib/contracts/hosts.ts';

describe('parseHostName', () => {
  it.each(['second-host', 'b', 'x'.repeat(31), 'disposable'])('takes %j', (name) => {
    expect(parseHostName(name)).toBe(name);
  });

  it.each([
    '',
    'x'.repeat(32),
    'A',
    '1a',
    '-a',
    'a.b',
    'a_b',
    '..',
    'dom0',
    'disp12',
    'rebuilder-dvm-debian',
    7,
  ])('refuses %j', (name) => {
    expect(() => parseHostName(name)).toThrow(/expected/);
  });

  it('never takes what a shell, a path or useradd would read as more than a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        try {
          expect(parseHostName(text)).toMatch(/^[a-z][a-z0-9-]{0,30}$/);
        } catch (error) {
          expect((error as Error).message).toMatch(/^expected/);
        }
      }),
    );
  });
});
