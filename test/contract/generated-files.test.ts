import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generatedFiles, generatedFolders } from '../../tools/generated-files.ts';

const root = join(import.meta.dirname, '../..');
const generated = generatedFiles();

describe('what is generated', () => {
  it.each(generated)('$path is what the contracts say', (file) => {
    const path = join(root, file.path);
    if (file.kind === 'link') {
      expect(readlinkSync(path)).toBe(file.target);
      return;
    }
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe(file.text);
    expect((statSync(path).mode & 0o111) !== 0).toBe(file.executable);
  });

  it('has its folders to itself', () => {
    const found = generatedFolders.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
    );
    const there = generated.map(({ path }) => path).filter((path) => isIn(generatedFolders, path));
    expect(found.sort()).toEqual(there.sort());
  });
});

function isIn(folders: readonly string[], path: string): boolean {
  return folders.some((folder) => path.startsWith(`${folder}/`));
}
