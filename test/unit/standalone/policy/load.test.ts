import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadPolicy, maxPolicyFileBytes } from '../../../../daemons/standalone/policy/load.ts';
import { call, inShort } from './qubes.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'policy-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, dirname(name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
}

const load = (...folders: string[]) =>
  loadPolicy(
    folders.map((folder) => join(root, folder)),
    { legacyDirectory: join(root, 'old') },
  );

describe('loadPolicy', () => {
  it('orders the files of all directories by base name, the earlier directory winning one name', () => {
    put({
      'run/50-b.policy': 'B * a b deny',
      'run/30-user.policy': 'S * a b allow notify=yes',
      'etc/30-user.policy': 'S * a b deny',
      'etc/40-a.policy': 'B * a b allow\nT * a b allow',
      'etc/9.policy': 'T * a b deny',
    });
    const policy = load('run', 'etc');
    expect(policy.rules.map(({ place }) => place.file)).toEqual([
      join(root, 'run/30-user.policy'),
      join(root, 'etc/40-a.policy'),
      join(root, 'etc/40-a.policy'),
      join(root, 'run/50-b.policy'),
      join(root, 'etc/9.policy'),
    ]);
    expect(['S a b', 'B a b', 'T a b'].map((asked) => inShort(call(policy, asked)))).toEqual(
      Array(3).fill('allow b'),
    );
  });

  it('leaves out what is no policy file', () => {
    put({
      'etc/30-user.policy.rpmsave': 'nonsense',
      'etc/README': 'nonsense',
      'etc/.swap.policy': 'nonsense',
      'etc/UPPER.txt': 'nonsense',
      'etc/folder.policy/x': 'nonsense',
      'etc/include/x': 'nonsense',
    });
    symlinkSync('gone', join(root, 'etc/31-gone.policy'));
    expect(load('etc').rules).toEqual([]);
  });

  it('follows includes from the folder of the policy file, whoever includes', () => {
    put({
      'etc/1.policy': '!include include/x\n!include-dir more\n!include-service S * include/s',
      'etc/include/x': '!include include/y',
      'etc/include/y': 'X * a b allow',
      'etc/include/s': 'a b allow',
      'etc/more/2.policy': 'M +2 a b allow',
      'etc/more/10.policy': `!include ${root}/elsewhere`,
      'etc/more/note.txt': 'nonsense',
      elsewhere: 'M +10 a b allow',
    });
    const rules = load('etc').rules.map(({ service, argument }) => `${service}${argument ?? ''}`);
    expect(rules).toEqual(['X', 'M+10', 'M+2', 'S']);
  });

  it('takes the old directory by !compat-4.0, less leftovers', () => {
    put({
      'etc/35-compat.policy': '!compat-4.0',
      'old/S': '$anyvm b allow',
      'old/S+x': '$include:include/common',
      'old/include/common': 'a off allow',
      'old/S.rpmsave': 'nonsense',
      'old/.S': 'nonsense',
      'old/S T': 'nonsense',
    });
    const policy = load('etc');
    expect(inShort(call(policy, 'S a b'))).toBe('allow b');
    expect(inShort(call(policy, 'S+x a off'))).toBe('allow off');
    expect(call(policy, 'S+x a b')).toMatchObject({ reason: `denied by policy ${root}/old/S+x:None` });
  });

  it.each([
    ['etc/1.policy', 'S * a b allow\nS * a b', '/etc/1.policy:2: wrong number of fields'],
    ['etc/1.policy', '#\r\n#\rS', '/etc/1.policy:3: wrong number of fields'],
    ['etc/1.policy', '!include include/../nope', '/etc/1.policy:1: not a file: ROOT/etc/nope'],
    ['etc/1.policy', '!include include', '/etc/1.policy:1: not a file: ROOT/etc/include'],
    ['etc/1.policy', '!include-dir 1.policy', '/etc/1.policy:1: not a directory: ROOT/etc/1.policy'],
    ['etc/1.policy', '!include-service S * nope', '/etc/1.policy:1: not a file: ROOT/etc/nope'],
    ['etc/include/x', 'S', '/etc/include/x:1: wrong number of fields'],
  ])('says where %s is wrong', (name, text, message) => {
    put({
      'etc/0.policy': '# nothing',
      'etc/2.policy': '!include include/x',
      'etc/include/x': '#',
      [name]: text,
    });
    const expected = { code: 'syntax', message: `${root}${message.replace('ROOT', root)}` };
    expect(() => load('etc')).toThrow(expect.objectContaining(expected));
  });

  it.each([
    [
      'a file name outside the alphabet',
      { 'etc/Big.policy': '' },
      'file-name',
      /invalid filename: .*\/etc\/Big\.policy$/,
    ],
    ['text that is not UTF-8', { 'etc/1.policy': Uint8Array.of(0x23, 0xff) }, 'unreadable', /not UTF-8/],
    ['a byte order mark', { 'etc/1.policy': '\ufeff# a' }, 'syntax', /:1: /],
    ['a missing directory', { elsewhere: '' }, 'unreadable', /failed to load .*\/etc file/],
    ['an old directory that is not there', { 'etc/1.policy': '!compat-4.0' }, 'unreadable', /\/old file/],
    [
      'a file too large',
      { 'etc/1.policy': Buffer.alloc(maxPolicyFileBytes + 1, '#') },
      'too-large',
      /larger than/,
    ],
  ])('refuses %s', (_what, files, code, message) => {
    put(files);
    expect(() => load('etc')).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
