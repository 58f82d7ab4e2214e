import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HooksError, parseHooks } from '../../../daemons/webhook/hooks.ts';
import { readHooks } from '../../../daemons/webhook/hooks-file.ts';
import { styles } from '../../../daemons/webhook/signature.ts';

const secret = 'a-secret-of-enough-characters';

describe('the file of hooks', () => {
  it('lists names, styles, secrets and what is looked at', () => {
    const hooks = parseHooks(
      `# ours\n\nsalsa gitlab ${secret}\n  all\tplain ${secret}  bookworm.amd64 \n`,
      'f',
    );
    expect([...hooks.values()]).toEqual([
      { name: 'salsa', style: 'gitlab', secret, dist: undefined },
      { name: 'all', style: 'plain', secret, dist: 'bookworm.amd64' },
    ]);
  });

  it.each([
    ['salsa gitlab', 'f:1: found 2 words, expected NAME STYLE SECRET [DIST]'],
    [`a github ${secret} sid.amd64 more`, 'f:1: found 5 words, expected NAME STYLE SECRET [DIST]'],
    [`../x github ${secret}`, 'f:1: expected a name of letters, digits, dots, dashes'],
    [`a sourcehut ${secret}`, 'f:1: found the style sourcehut, expected github, gitea, gitlab, plain'],
    ['a github short', 'f:1: expected a secret of at least 16 characters'],
    [`a github ${secret}\na gitea ${secret}`, 'f:2: the hook a is there twice'],
  ])('is refused where it says %j, and why, without a secret', (text, why) => {
    expect(() => parseHooks(text, 'f')).toThrow(new HooksError(why));
  });

  it('without a hook says what to type for one', () => {
    const why =
      /^f: no hook, .*; as root in this qube `node \S+\/webhook-hooks\.js add NAME STYLE` makes one$/;
    expect(() => parseHooks('# none\n', 'f')).toThrow(why);
  });

  it('is refused with a dist that is none', () => {
    expect(() => parseHooks(`a github ${secret} nonsense`, 'f')).toThrow(/^f:1: .*nonsense/);
  });

  it('of any text is read, or refused with its line', () => {
    const word = fc.oneof(fc.constantFrom('a', 'b', secret, 'sid.amd64', '#', ...styles), fc.string());
    const line = fc.array(word, { maxLength: 5 }).map((words) => words.join(' '));
    let read = 0;
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        try {
          for (const hook of parseHooks(lines.join('\n'), 'f').values()) {
            expect(hook.secret.length).toBeGreaterThanOrEqual(16);
            read += 1;
          }
        } catch (error) {
          expect(error).toBeInstanceOf(HooksError);
        }
      }),
      { numRuns: 1_000, examples: [[[`a github ${secret}`]]] },
    );
    expect(read).toBeGreaterThan(0);
  });

  describe('on the disk', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'hooks-'));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it('is read where nobody else may read it', async () => {
      const path = join(folder, 'hooks');
      writeFileSync(path, `a github ${secret}\n`, { mode: 0o600 });
      expect([...(await readHooks(path)).keys()]).toEqual(['a']);
      chmodSync(path, 0o640);
      await expect(readHooks(path)).rejects.toThrow(
        `${path}: others may read its secrets; chmod 600 ${path}`,
      );
      writeFileSync(path, '#'.repeat(70_000));
      chmodSync(path, 0o600);
      await expect(readHooks(path)).rejects.toThrow('larger than 65536 bytes');
    });

    it('is asked for where it is not there, or not configured', async () => {
      const path = join(folder, 'none');
      await expect(readHooks(path)).rejects.toThrow(
        `${path}: cannot be read (ENOENT): \`install -m 600 -o rebuilder-webhook -g rebuilder-webhook /dev/null ${path}\`, then`,
      );
      await expect(readHooks(undefined)).rejects.toThrow('webhook-hooks is not set');
    });
  });
});
