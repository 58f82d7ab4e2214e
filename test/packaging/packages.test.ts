import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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
  const source = readdirSync(sourceFolder).filter((name) => /\.(dsc|tar\.xz|changes|buildinfo)$/.test(name));
  await bring(
    root,
    source.map((name) => join(sourceFolder, name)),
    'work',
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hashesOf = (at: string, names: readonly string[]) =>
  Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(at, name)))
        .digest('hex'),
    ]),
  );

describe('the packages', () => {
  it('come out the same on another path, with another Debian, from the source package alone', async () => {
    await must(root, 'sh', '-c', 'cd /work && dpkg-source --extract *.dsc elsewhere');
    // The mirror's Node.js stands for what the machine that built them first has; gcc is needed by nothing here.
    await must(
      root,
      'sh',
      '-c',
      'cd /work/elsewhere && dpkg-buildpackage --no-sign --build=binary --no-check-builddeps',
    );
    const names = await packageFiles();
    expect(names).toHaveLength(3);
    expect(hashesOf(root.path('work'), names)).toEqual(hashesOf(packagesFolder, names));
  });

  it('are what lintian wants packages to be', async () => {
    await bring(
      root,
      (await packageFiles()).map((name) => join(packagesFolder, name)),
      'lint',
    );
    const source = readdirSync(root.path('work')).filter((name) => /\.(dsc|tar\.xz)$/.test(name));
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
