import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile } from '../../../../daemons/lib/objects/durable-file.ts';

describe('a file that is replaced', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'durable-'));
    path = join(folder, 'file');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['its owner’s alone', undefined, '600'],
    ['open where that is asked for', 0o644, '644'],
  ])('is %s, whatever was left of another try', async (_what, mode, expected) => {
    writeFileSync(`${path}.new`, 'left', { mode: 0o640 });
    await replaceFile(path, 'text', mode);
    expect((statSync(path).mode & 0o777).toString(8)).toBe(expected);
    expect(readFileSync(path, 'utf8')).toBe('text');
    expect(readdirSync(folder)).toEqual(['file']);
  });
});
