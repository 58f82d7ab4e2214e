import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type PublicationEntry,
  parsePublicationEntry,
} from '../../../daemons/lib/contracts/documents/publication.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { StagedTree } from '../../../daemons/uploader/staged-tree.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'staged-'));
});
afterEach(() => rm(dir, { recursive: true }));

type Files = Readonly<Record<string, string>>;

function entriesOf(files: Files): PublicationEntry[] {
  return Object.entries(files).map(([path, text]) =>
    parsePublicationEntry({
      path,
      sha256: createHash('sha256').update(text).digest('hex'),
      size: Buffer.byteLength(text),
    }),
  );
}

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}

/** Puts what the tree says it lacks, then makes it so; says how many objects were put. */
async function publish(tree: StagedTree, files: Files): Promise<number> {
  const entries = entriesOf(files);
  const lacked = new Set<string>(await tree.lacks(entries));
  for (const [path, text] of Object.entries(files)) {
    const entry = entries.find((other) => other.path === path);
    if (entry && lacked.has(entry.sha256)) await tree.objects.put(bytesOf(text), 1_000);
  }
  await tree.become(entries);
  return lacked.size;
}

async function staged(): Promise<Files> {
  const root = join(dir, 'rebuild');
  const files: Record<string, string> = {};
  for (const item of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!item.isFile()) continue;
    const path = join(item.parentPath, item.name);
    files[path.slice(root.length + 1)] = await readFile(path, 'utf8');
  }
  return files;
}

describe('StagedTree', () => {
  it('becomes each publication in turn, whatever the one before was', async () => {
    const path = fc.stringMatching(/^[a-c](\/[a-c:%]{1}){0,2}$/).filter((p) => !/(^|\/)[:%]/.test(p));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(path, fc.constantFrom('one', 'two', 'three'), { maxKeys: 6 }), {
          maxLength: 4,
        }),
        async (publications) => {
          const tree = await StagedTree.open(dir, systemClock);
          for (const files of publications) {
            const paths = Object.keys(files);
            const nested = paths.some((a) => paths.some((b) => b.startsWith(`${a}/`)));
            if (nested) {
              await expect(publish(tree, files)).rejects.toThrow(/is a file and a folder/);
            } else {
              await publish(tree, files);
              expect(await staged()).toEqual(files);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('fetches only what it lacks, also after a start', async () => {
    expect(
      await publish(await StagedTree.open(dir, systemClock), { 'debian/a': 'one', 'debian/b': 'two' }),
    ).toBe(2);
    const again = await StagedTree.open(dir, systemClock);
    expect(await publish(again, { 'debian/a': 'two', 'debian/b': 'one', 'debian/c': 'three' })).toBe(1);
    expect(await staged()).toEqual({ 'debian/a': 'two', 'debian/b': 'one', 'debian/c': 'three' });
  });

  it('lets go of objects that are named no more', async () => {
    const tree = await StagedTree.open(dir, systemClock);
    await publish(tree, { 'debian/a': 'one', 'debian/b': 'two' });
    await publish(tree, { 'debian/a': 'one' });
    await tree.forgetOthers(entriesOf({ 'debian/a': 'one' }));
    expect(tree.objects.usage().count).toBe(1);
    expect(await staged()).toEqual({ 'debian/a': 'one' });
  });

  it('remembers what left until it is told that mirrors have heard of it, also over a start', async () => {
    const tree = await StagedTree.open(dir, systemClock);
    expect(await tree.gone()).toEqual([]);
    await publish(tree, { 'debian/a': 'one', 'debian/b/c': 'two', 'debian/d': 'three' });
    expect(await tree.gone()).toEqual([]);
    await writeFile(join(dir, 'rebuild/debian/.nfs0000'), 'a stray');
    await publish(tree, { 'debian/d': 'three' });
    expect(await staged()).toEqual({ 'debian/d': 'three' });
    const again = await StagedTree.open(dir, systemClock);
    expect(await again.gone()).toEqual(['debian/a', 'debian/b/c']);
    await publish(again, { 'debian/a': 'back' });
    expect(await again.gone()).toEqual(['debian/b/c', 'debian/d']);
    await again.forgetGone();
    await publish(again, { 'debian/a': 'back' });
    expect(await again.gone()).toEqual([]);
  });

  it('refuses a path that stands twice, and changes nothing', async () => {
    const tree = await StagedTree.open(dir, systemClock);
    await publish(tree, { 'debian/a': 'one' });
    const [entry] = entriesOf({ 'debian/b': 'two' });
    if (entry === undefined) throw new Error('no entry');
    await expect(tree.become([entry, entry])).rejects.toThrow(/stands twice/);
    expect(await staged()).toEqual({ 'debian/a': 'one' });
  });
});
