import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AptRoot } from '../support/apt-root.ts';
import {
  bring,
  makeTrixieRoot,
  must,
  packageFiles,
  packagesFolder,
  sourceFolder,
} from '../support/installed-root.ts';

let folder: string;
let root: AptRoot;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'packages-'));
  root = await makeTrixieRoot(join(folder, 'root'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packages', () => {
  it('are what lintian wants packages to be', async () => {
    await bring(
      root,
      (await packageFiles()).map((name) => join(packagesFolder, name)),
      'lint',
    );
    const source = readdirSync(sourceFolder).filter((name) => /\.(dsc|tar\.xz)$/.test(name));
    await bring(
      root,
      source.map((name) => join(sourceFolder, name)),
      'lint',
    );
    const found = await must(
      root,
      'sh',
      '-c',
      'cd /lint && lintian --allow-root --fail-on error,warning *.deb *.dsc',
    );
    expect(found).toBe('');
  });
});
