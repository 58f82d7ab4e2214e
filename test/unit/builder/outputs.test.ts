import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuildFailure } from '../../../daemons/builder/failure.ts';
import { findOutputs, insideRoot, outputObject } from '../../../daemons/builder/outputs.ts';
import { parsePoolFileName } from '../../../daemons/lib/domain/names.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outputs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const name = parsePoolFileName('hello_1.0_amd64.deb');
const at = (path: string) => join(folder, path);
const find = (max = 100, known: readonly string[] = []) => findOutputs(folder, [name], new Set(known), max);

describe('what a build left', () => {
  it('is each expected file, and the names of the others', async () => {
    writeFileSync(at(name), 'deb');
    for (const other of ['zz.changes', 'hello_1.0.dsc', 'aa.buildinfo']) writeFileSync(at(other), '');
    expect(await find(100, ['hello_1.0.dsc'])).toEqual({
      files: [at(name)],
      extra: ['aa.buildinfo', 'zz.changes'],
    });
  });

  it('tells a file that was not made', async () => {
    expect(await find()).toEqual({ files: [null], extra: [] });
    const chunks: Uint8Array[] = [];
    for await (const chunk of outputObject(null).bytes()) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toHaveLength(0);
  });

  it.each([
    ['a symbolic link', () => symlinkSync('/etc/shadow', at(name))],
    ['a dangling link', () => symlinkSync('/nowhere', at(name))],
    ['a folder', () => mkdirSync(at(name))],
    ['a FIFO, which would never end', () => execFileSync('mkfifo', [at(name)])],
    [
      'a file with a second name, which may be anybody’s',
      () => {
        writeFileSync(at('secret'), 'x');
        linkSync(at('secret'), at(name));
      },
    ],
  ])('is refused with %s in the place of a file', async (_what, leave) => {
    leave();
    await expect(find()).rejects.toMatchObject({
      code: 'build-failed',
      message: expect.stringContaining(name),
    });
  });

  it('is refused when the files together are larger than allowed', async () => {
    writeFileSync(at(name), Buffer.alloc(101));
    await expect(find()).rejects.toMatchObject({ code: 'too-large' });
  });

  it('names no more and no longer foreign names than anybody reads', async () => {
    for (let index = 0; index < 1_005; index++) writeFileSync(at(`extra-${index}`), '');
    expect((await find()).extra).toHaveLength(1_000);
  });
});

describe('a path in a root that foreign code has written to', () => {
  beforeEach(() => {
    mkdirSync(at('root/build/tree'), { recursive: true });
    mkdirSync(at('outside'));
  });
  const real = (path: string) => insideRoot(at('root'), path);

  it('is taken inside the root, absolute links and ones that climb out included', async () => {
    symlinkSync('/build/tree', at('root/absolute'));
    symlinkSync('../../../../build/tree', at('root/build/climbing'));
    expect(await real('/absolute')).toBe(at('root/build/tree'));
    expect(await real('/build/climbing')).toBe(at('root/build/tree'));
    expect(await real('/build/tree/../tree')).toBe(at('root/build/tree'));
  });

  it('is refused when it is gone, or its links have no end', async () => {
    symlinkSync('b', at('root/a'));
    symlinkSync('a', at('root/b'));
    await expect(real('/a')).rejects.toThrow('a maze of links');
    await expect(real('/gone/tree')).rejects.toThrow('the build removed');
  });

  it('never leads out of the root, whatever the links', async () => {
    const parts = fc.array(fc.constantFrom('..', '.', '', 'build', 'tree', 'x', 'y', 'outside'), {
      maxLength: 8,
    });
    const target = fc
      .tuple(fc.boolean(), parts)
      .map(([absolute, list]) => (absolute ? '/' : '') + list.join('/'));
    await fc.assert(
      fc.asyncProperty(target, target, parts, async (x, y, path) => {
        for (const link of ['x', 'y']) rmSync(at(`root/${link}`), { force: true });
        symlinkSync(x || '.', at('root/x'));
        symlinkSync(y || '.', at('root/y'));
        const found = await real(`/${path.join('/')}`).catch((error: unknown) => error);
        if (typeof found === 'string') expect(`${found}/`.startsWith(`${at('root')}/`)).toBe(true);
        else expect(found).toBeInstanceOf(BuildFailure);
      }),
      { numRuns: 150 },
    );
  });
});
