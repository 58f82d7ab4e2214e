import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { daemonRoles } from '../../../../daemons/lib/domain/roles.ts';
import { LineError, parseLineOptions } from '../../../../daemons/standalone/line/options.ts';

const needed = ['--dir', 'state', '--config', 'rebuilder.conf'];
const mebibyte = 1_048_576;

describe('the options of a line', () => {
  it('are a folder and a configuration, the rest of which has defaults', () => {
    const options = parseLineOptions(needed);
    expect(options).toMatchObject({ folder: resolve('state'), config: resolve('rebuilder.conf') });
    expect(options).toMatchObject({
      cache: undefined,
      policy: undefined,
      qrexec: undefined,
      makeKey: undefined,
    });
    expect(options.roles).toEqual(daemonRoles.filter((role) => role !== 'webhook'));
    for (const bound of Object.values(options.disposable)) {
      expect(Number.isSafeInteger(bound)).toBe(true);
      expect(bound).toBeGreaterThan(0);
    }
  });

  it('say what a disposable may use, in mebibytes', () => {
    const { disposable } = parseLineOptions([
      ...needed,
      '--disposable-memory-mib=512',
      '--disposable-scratch-mib=2048',
      '--disposable-processes=64',
    ]);
    expect(disposable).toEqual({
      memoryBytes: 512 * mebibyte,
      scratchBytes: 2_048 * mebibyte,
      processes: 64,
    });
  });

  it('say which roles are left out, and which of those that not everybody wants run', () => {
    fc.assert(
      fc.property(fc.subarray([...daemonRoles]), fc.boolean(), (left, withWebhook) => {
        const also = withWebhook ? ['--with', 'webhook'] : [];
        const { roles } = parseLineOptions([...needed, '--without', left.join(','), ...also]);
        const wanted = daemonRoles.filter((role) => role !== 'webhook' || withWebhook);
        expect(roles).toEqual(wanted.filter((role) => !left.includes(role)));
      }),
    );
  });

  it.each([
    ['nothing', []],
    ['no folder', ['--config', 'x']],
    ['no configuration', ['--dir', 'x']],
    ['an empty folder', ['--dir', '', '--config', 'x']],
    ['an unknown option', [...needed, '--nonsense']],
    ['a word that belongs to none', [...needed, 'word']],
    ['an option without its value', [...needed, '--cache']],
    ['a role that is none', [...needed, '--without', 'getter,admin']],
    ['no processes', [...needed, '--disposable-processes', '0']],
    ['half a process', [...needed, '--disposable-processes', '1.5']],
    ['a number in words', [...needed, '--disposable-memory-mib', 'many']],
    ['a number of another kind', [...needed, '--disposable-memory-mib', '0x10']],
    ['more bytes than can be counted', [...needed, '--disposable-memory-mib', '9007199254740991']],
  ])('are refused with %s', (_what, args) => {
    expect(() => parseLineOptions(args)).toThrow(
      expect.objectContaining({ name: 'LineError', code: 'usage' }),
    );
  });

  it('of any words are options of whole numbers and absolute paths, or refused', () => {
    const word = fc.oneof(
      fc.constantFrom(
        '--dir',
        '--config',
        '--without',
        '--cache',
        '--disposable-processes',
        '--',
        '=',
        '-x',
        '1',
        '',
      ),
      fc.string(),
      fc.constantFrom(...daemonRoles),
    );
    let taken = 0;
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), fc.boolean(), (words, complete) => {
        try {
          const options = parseLineOptions(complete ? [...needed, ...words] : words);
          for (const path of [options.folder, options.config]) expect(path).toMatch(/^\//);
          for (const bound of Object.values(options.disposable))
            expect(Number.isSafeInteger(bound)).toBe(true);
          for (const role of options.roles) expect(daemonRoles).toContain(role);
          taken += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(LineError);
        }
      }),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});
