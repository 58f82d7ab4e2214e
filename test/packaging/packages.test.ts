import { mkdtempSync, rmSync } from 'node:fs';
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
  sourceFiles,
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
    await bring(root, await sourceFiles(), 'lint');
    const found = await must(
      root,
      'sh',
      '-c',
      'cd /lint && lintian --allow-root --fail-on error,warning *.deb *.dsc',
    );
    expect(found).toBe('');
  });
});
