import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { parseSha256 } from '../../../../daemons/lib/domain/names.ts';
import { Shelf } from '../../../../daemons/rebuilder/bases/shelf.ts';

let folder: string;
let clock: VirtualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shelf-'));
  clock = new VirtualClock();
});
afterEach(() => rmSync(folder, { recursive: true }));

const sha = (text: string) => parseSha256(createHash('sha256').update(text).digest('hex'));
const key = sha('a list of packages');
const open = (maxBytes = 1_000) => Shelf.open({ folder, clock, maxBytes });
async function* bytes(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
const add = (shelf: Shelf, text: string, of = key) => shelf.add(of, bytes(text), Promise.resolve());

describe('a base', () => {
  it('serves no build before two disposables have made the same of it', async () => {
    const shelf = await open();
    expect(await shelf.missing(key)).toBe(2);
    expect(await add(shelf, 'tarball')).toBe(true);
    expect(await shelf.find(key)).toBeUndefined();
    expect(await shelf.missing(key)).toBe(1);
    expect(await add(shelf, 'tarball')).toBe(true);
    expect(await shelf.find(key)).toEqual({ sha256: sha('tarball'), size: 7 });
    expect(await shelf.missing(key)).toBe(0);
  });

  it('counts makings that come at the same time', async () => {
    const shelf = await open();
    expect(await Promise.all([add(shelf, 'tarball'), add(shelf, 'tarball')])).toEqual([true, true]);
    expect(await shelf.find(key)).toMatchObject({ sha256: sha('tarball') });
  });

  it('of which two made differently is never given out, and never made again', async () => {
    const shelf = await open();
    await add(shelf, 'tarball');
    expect(await add(shelf, 'another')).toBe(false);
    expect(await shelf.find(key)).toBeUndefined();
    expect(await add(shelf, 'tarball')).toBe(false);
    expect(await shelf.find(key)).toBeUndefined();
    expect(await shelf.missing(key)).toBe(0);
    expect(await (await open()).missing(key)).toBe(0);
  });

  it('is of its own packages only', async () => {
    const shelf = await open();
    for (let making = 0; making < 2; making++) await add(shelf, 'tarball');
    expect(await shelf.find(sha('other packages'))).toBeUndefined();
  });

  it('is still known after a restart, and what was made once counts on', async () => {
    await add(await open(), 'tarball');
    const shelf = await open();
    expect(await shelf.missing(key)).toBe(1);
    await add(shelf, 'tarball');
    expect(await (await open()).find(key)).toMatchObject({ sha256: sha('tarball') });
  });

  it('that breaks off on its way counts as no making', async () => {
    const shelf = await open();
    const lost = Promise.reject(new Error('lost'));
    lost.catch(() => {});
    await expect(shelf.add(key, bytes('half'), lost)).rejects.toThrow('lost');
    expect(await shelf.missing(key)).toBe(2);
  });

  it('that was removed to make room is back after one more making that agrees', async () => {
    const shelf = await open(10);
    for (let making = 0; making < 2; making++) await add(shelf, 'tarball');
    await clock.advance(2 * 3_600_000);
    const other = sha('other packages');
    for (let making = 0; making < 2; making++) await add(shelf, 'younger', other);
    expect(await shelf.find(other)).toBeDefined();
    expect(await shelf.find(key)).toBeUndefined();
    expect(await shelf.missing(key)).toBe(1);
    await add(shelf, 'tarball');
    expect(await shelf.find(key)).toBeDefined();
  });

  it('is refused where it is larger than all bases together may be', async () => {
    const shelf = await open(5);
    await expect(add(shelf, 'tarball')).rejects.toMatchObject({ code: 'too-large' });
    expect(await shelf.missing(key)).toBe(2);
  });

  it('is never half there, whenever the rebuilder is killed', async () => {
    const program = join(folder, 'kill.ts');
    const module = join(import.meta.dirname, '../../../../daemons/rebuilder/bases/shelf.ts');
    writeFileSync(
      program,
      `import { Shelf } from ${JSON.stringify(module)};
       const [, , folder, key, ms] = process.argv;
       const clock = { now: () => Date.now() };
       setTimeout(() => process.kill(process.pid, 'SIGKILL'), Number(ms));
       const shelf = await Shelf.open({ folder, clock, maxBytes: 1e9 });
       for (;;) await shelf.add(key, (async function* () { for (let i = 0; i < 50; i++) yield Buffer.alloc(20_000, i); })(), Promise.resolve());`,
    );
    const whole = Buffer.concat(Array.from({ length: 50 }, (_, index) => Buffer.alloc(20_000, index)));
    const expected = {
      sha256: parseSha256(createHash('sha256').update(whole).digest('hex')),
      size: whole.length,
    };
    const bundled = join(folder, 'kill.mjs');
    buildSync({
      entryPoints: [program],
      outfile: bundled,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
    for (const ms of [1, 3, 9, 20, 45]) {
      expect(spawnSync(process.execPath, [bundled, folder, key, String(ms)]).signal).toBe('SIGKILL');
      const shelf = await open(1e9);
      const found = await shelf.find(key);
      if (found !== undefined) expect(found).toEqual(expected);
      else expect(await shelf.missing(key)).toBeGreaterThan(0);
    }
  });
});
