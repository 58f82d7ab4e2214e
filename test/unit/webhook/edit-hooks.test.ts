import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHook, removeHook } from '../../../daemons/webhook/edit-hooks.ts';
import { parseHooks } from '../../../daemons/webhook/hooks.ts';

const secret = 'a-secret-of-enough-characters';

describe('the file of hooks, changed by its command', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hooks-'));
    path = join(folder, 'webhooks');
    writeFileSync(path, '# ours', { mode: 0o600 });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const text = () => readFileSync(path, 'utf8');

  it('has a hook more, and nobody else may read it', async () => {
    await addHook(path, ['salsa', 'gitlab', secret]);
    await addHook(path, ['mirror', 'plain', secret, 'bookworm.amd64']);
    expect(text()).toBe(`# ours\nsalsa gitlab ${secret}\nmirror plain ${secret} bookworm.amd64\n`);
    expect(parseHooks(text(), path).size).toBe(2);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    expect(readdirSync(folder)).toEqual(['webhooks']);
  });

  it.runIf(process.getuid?.() === 0)('stays its owner’s, whoever changes it', async () => {
    chownSync(path, 1_234, 1_235);
    await addHook(path, ['salsa', 'github', secret]);
    expect([statSync(path).uid, statSync(path).gid]).toEqual([1_234, 1_235]);
  });

  it('loses the hook that is named, and nothing else', async () => {
    const before = `# salsa was here\nsalsa github ${secret}\n\n  other gitea ${secret}\n`;
    writeFileSync(path, before);
    await removeHook(path, 'salsa');
    expect(text()).toBe(before.replace(`salsa github ${secret}\n`, ''));
    await expect(removeHook(path, 'salsa')).rejects.toThrow(`${path}: no hook salsa`);
  });

  it.each([
    ['a name twice', ['salsa', 'gitea', secret]],
    ['a style that is none', ['a', 'sourcehut', secret]],
    ['a short secret', ['a', 'github', 'short']],
    ['a secret of several words', ['a', 'github', `${secret} and more`]],
    ['a secret of two words', ['a', 'github', `${secret} ${secret}`]],
    ['a secret of two lines', ['a', 'github', `${secret}\n${secret}`]],
    ['a name that begins a comment', ['#ci', 'github', secret]],
    ['a name of two words', ['a github', 'x', secret]],
    ['no secret', ['a', 'github', '', 'trixie.amd64']],
    ['a dist that is none', ['a', 'github', secret, 'nonsense']],
  ])('is as it was after %s', async (_what, words) => {
    const before = `salsa github ${secret}\n`;
    writeFileSync(path, before);
    const hasNoSecret = expect.not.stringContaining(secret);
    await expect(addHook(path, words)).rejects.toMatchObject({ code: 'hooks', message: hasNoSecret });
    expect(text()).toBe(before);
    expect(readdirSync(folder)).toEqual(['webhooks']);
  });

  it('loses no hook to commands at the same time: who comes second is told so', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const done = await Promise.allSettled(names.map((name) => addHook(path, [name, 'github', secret])));
    const added = names.filter((_name, at) => done[at]?.status === 'fulfilled');
    expect(added.length).toBeGreaterThan(0);
    expect([...parseHooks(text(), path).keys()].sort()).toEqual(added);
    for (const one of done) {
      if (one.status === 'rejected') expect(one.reason.message).toContain('changed by another command');
    }
    expect(readdirSync(folder)).toEqual(['webhooks']);
  });

  it('is left alone while what a killed command left is there', async () => {
    writeFileSync(`${path}.new`, 'half');
    await expect(addHook(path, ['a', 'github', secret])).rejects.toThrow(`rm ${path}.new`);
    await expect(removeHook(path, 'a')).rejects.toThrow(`rm ${path}.new`);
    expect([text(), readFileSync(`${path}.new`, 'utf8')]).toEqual(['# ours', 'half']);
  });

  it('is not made, nor changed while others may read it', async () => {
    await expect(addHook(join(folder, 'none'), ['a', 'github', secret])).rejects.toThrow('install -m 600');
    chmodSync(path, 0o644);
    await expect(addHook(path, ['a', 'github', secret])).rejects.toThrow('others may read its secrets');
  });
});
