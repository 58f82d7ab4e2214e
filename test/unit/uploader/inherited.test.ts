import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { parsePublicationPath, parseSha256 } from '../../../daemons/lib/domain/names.ts';
import { ObjectStore } from '../../../daemons/lib/objects/store.ts';
import { Inherited, withInherited } from '../../../daemons/uploader/inherited.ts';
import { StagedTree } from '../../../daemons/uploader/staged-tree.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'inherited-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const hashOf = (text: string) => parseSha256(createHash('sha256').update(text).digest('hex'));
const entry = (path: string, text = path) => ({
  path: parsePublicationPath(path),
  sha256: hashOf(text),
  size: Buffer.byteLength(text),
});

describe('what was published before', () => {
  const lines: string[] = [];
  const log = openLog('test', { style: 'plain', write: (line) => lines.push(line) });
  const open = async (state: string) =>
    await Inherited.open(state, await ObjectStore.open(join(state, 'objects'), { clock: systemClock }), log);

  it('becomes objects, once; what has no name that can be published is told', async () => {
    const state = join(dir, 'brought');
    const root = join(state, 'inherited');
    for (const path of ['debian/sources/bash/5.1/metadata', 'KEY.asc', 'debian/.hidden']) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), path);
    }
    symlinkSync('/etc/passwd', join(root, 'passwd'));
    const expected = [entry('KEY.asc'), entry('debian/sources/bash/5.1/metadata')];
    expect((await open(state)).entries).toEqual(expected);
    expect(existsSync(join(state, 'objects', hashOf('KEY.asc').slice(0, 2)))).toBe(true);
    expect(lines).toEqual([expect.stringContaining('debian/.hidden')]);
    expect(existsSync(root)).toBe(false);
    expect((await open(state)).entries).toEqual(expected);
    expect(lines).toHaveLength(1);
  });

  it('is brought again by a start after one that was killed before the folder was gone', async () => {
    const state = join(dir, 'killed');
    mkdirSync(join(state, 'inherited'), { recursive: true });
    writeFileSync(join(state, 'inherited/b'), 'b');
    writeFileSync(join(state, 'inherited.jsonl'), '');
    expect((await open(state)).entries).toEqual([entry('b')]);
    mkdirSync(join(state, 'inherited.old'));
    expect((await open(state)).entries).toEqual([entry('b')]);
    expect(existsSync(join(state, 'inherited.old'))).toBe(false);
  });

  it('stays gone where the publication came before it once', async () => {
    const state = join(dir, 'superseded');
    mkdirSync(join(state, 'inherited'), { recursive: true });
    for (const name of ['a', 'b']) writeFileSync(join(state, 'inherited', name), name);
    const inherited = await open(state);
    await inherited.forgetSuperseded(withInherited([entry('a', 'new')], inherited.entries));
    expect(inherited.entries).toEqual([entry('b')]);
    expect((await open(state)).entries).toEqual([entry('b')]);
  });

  it('is nothing where nothing was taken over', async () => {
    expect((await open(join(dir, 'nothing'))).entries).toEqual([]);
  });
});

describe('withInherited', () => {
  it('lets the publication come first in its places, as a file and as a folder', () => {
    const ours = [entry('a/metadata', 'new'), entry('b'), entry('c/d/e')];
    const before = [
      entry('a/metadata', 'old'),
      entry('a/old.link'),
      entry('b/under'),
      entry('c/d'),
      entry('f'),
    ];
    expect(withInherited(ours, before)).toEqual([...ours, entry('a/old.link'), entry('f')]);
  });

  it('makes what a folder tree can hold of any two that each can be one', async () => {
    const paths = fc.uniqueArray(fc.constantFrom('a', 'a/b', 'a/b/c', 'a/c', 'b', 'b/a', 'c/a/b', 'c/a'));
    const tree = await StagedTree.open(join(dir, 'state'), systemClock);
    await fc.assert(
      fc.asyncProperty(paths, paths, async (first, second) => {
        const isTree = (list: readonly string[]) =>
          list.every((one) => list.every((other) => !other.startsWith(`${one}/`)));
        fc.pre(isTree(first) && isTree(second));
        const merged = withInherited(
          first.map((path) => entry(path, 'x')),
          second.map((path) => entry(path, 'x')),
        );
        await tree.objects.put(
          (async function* () {
            yield Buffer.from('x');
          })(),
          1,
        );
        await tree.become(merged);
        expect(merged.map(({ path }) => path)).toEqual(expect.arrayContaining(first));
      }),
      { numRuns: 50 },
    );
  });
});
