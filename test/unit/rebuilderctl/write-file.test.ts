import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError } from '../../../daemons/rebuilderctl/errors.ts';
import { removeLeftovers, writeWhole } from '../../../daemons/rebuilderctl/write-file.ts';
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

  it('gives a file the mode that it is told, and leaves it with whom it was', async () => {
    const path = join(dir, 'file');
    await writeWhole(path, 'one', { replace: true, mode: 0o666 });
    expect(statSync(path).mode & 0o777).toBe(0o666);
    await writeWhole(path, Buffer.from([0xff]), { replace: true, mode: 0o640 });
    expect(statSync(path).mode & 0o777).toBe(0o640);
    const owner = process.getuid?.() === 0 ? 65534 : (process.getuid?.() ?? 0);
    chownSync(path, owner, statSync(path).gid);
    await writeWhole(path, 'two', { replace: true });
    expect(statSync(path)).toMatchObject({ uid: owner, size: 3 });
  });

  it('shows nobody on the way what the file will not show', async () => {
    const content = 'a'.repeat(4_000_000);
    const modes = new Set<number>();
    while (modes.size === 0) {
      let isWritten = false;
      const writing = writeWhole(join(dir, 'file'), content, { replace: true, mode: 0o600 }).finally(() => {
        isWritten = true;
      });
      while (!isWritten) {
        for (const name of readdirSync(dir).filter((one) => one.endsWith('.tmp'))) {
          const found = statSync(join(dir, name), { throwIfNoEntry: false });
          if (found !== undefined) modes.add(found.mode & 0o777);
        }
        await new Promise(setImmediate);
      }
      await writing;
    }
    expect([...modes]).toEqual([0o600]);
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

describe('removeLeftovers', () => {
  it('removes what a killed write left of that file, and nothing else', async () => {
    const uuid = '01234567-89ab-cdef-0123-456789abcdef';
    const kept = ['file', 'file.tmp', `other.${uuid}.tmp`, `file.${uuid}.tmp.save`, `file.x${uuid}.tmp`];
    for (const name of [...kept, `file.${uuid}.tmp`]) writeFileSync(join(dir, name), '');
    await removeLeftovers(join(dir, 'file'));
    await removeLeftovers(join(dir, 'absent', 'file'));
    expect(readdirSync(dir).sort()).toEqual(kept.sort());
  });
});
