import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError } from '../../../daemons/rebuilderctl/errors.ts';
import { writeWhole } from '../../../daemons/rebuilderctl/write-file.ts';
import { bundleProgram } from '../../support/program.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'write-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('writeWhole', () => {
  it('writes a new file and replaces one only where it may', async () => {
    const path = join(dir, 'file');
    expect(await writeWhole(path, 'one', { replace: false })).toEqual({ replaced: false });
    await expect(writeWhole(path, 'two', { replace: false })).rejects.toThrow(/is there already/);
    expect(readFileSync(path, 'utf8')).toBe('one');
    expect(await writeWhole(path, 'two', { replace: true })).toEqual({ replaced: true });
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(readdirSync(dir)).toEqual(['file']);
  });

  it('replaces what a link leads to, with its mode', async () => {
    mkdirSync(join(dir, 'in'));
    const target = join(dir, 'in', 'file');
    await writeWhole(target, 'one', { replace: false });
    chmodSync(target, 0o604);
    symlinkSync('in/file', join(dir, 'link'));
    await writeWhole(join(dir, 'link'), 'two', { replace: true });
    expect(readFileSync(target, 'utf8')).toBe('two');
    expect(statSync(target).mode & 0o777).toBe(0o604);
    expect(readdirSync(join(dir, 'in'))).toEqual(['file']);
  });

  it('says in a line why it could not, and leaves nothing behind', async () => {
    await expect(writeWhole(join(dir, 'absent', 'file'), '', { replace: true })).rejects.toThrow(
      /absent\/file: cannot be written \(ENOENT\)/,
    );
    mkdirSync(join(dir, 'folder'));
    await expect(writeWhole(join(dir, 'folder'), '', { replace: true })).rejects.toThrow(CommandError);
    expect(readdirSync(dir)).toEqual(['folder']);
  });

  it('leaves the old file or the new one, whole, when it is killed', async () => {
    const path = join(dir, 'file');
    const texts = ['a', 'b'].map((letter) => letter.repeat(4_000_000));
    await writeWhole(path, texts[0] ?? '', { replace: true });
    const program = bundleProgram('test/support/programs/rewrites.ts');
    const writer = spawn(process.execPath, [program.path, path]);
    await new Promise((ready) => writer.stdout.once('data', ready));
    for (let look = 0; look < 20; look++) expect(texts).toContain(readFileSync(path, 'utf8'));
    writer.kill('SIGKILL');
    await new Promise((gone) => writer.once('close', gone));
    program.remove();
    expect(texts).toContain(readFileSync(path, 'utf8'));
  });
});
