import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { parseSha256, type Sha256 } from '../../../../daemons/lib/domain/names.ts';
import { collect } from '../../../../daemons/lib/objects/collect.ts';
import { ObjectStore, StoreError } from '../../../../daemons/lib/objects/store.ts';

let dir: string;
let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
  dir = mkdtempSync(join(tmpdir(), 'objects-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function hashOf(text: string): Sha256 {
  return parseSha256(createHash('sha256').update(text).digest('hex'));
}
const quiet = () => Promise.resolve();
async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}
function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof StoreError ? error.code : String(error)),
  );
}

describe('an object store', () => {
  it('keeps bytes under their sha256, however they were cut', async () => {
    const store = await ObjectStore.open(dir, { clock });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 }), async (parts) => {
        const whole = Buffer.concat(parts);
        const put = await store.put(
          (async function* () {
            yield* parts;
          })(),
          1_000,
        );
        expect(put.sha256).toBe(createHash('sha256').update(whole).digest('hex'));
        expect(put.size).toBe(whole.length);
        expect(await store.read(put.sha256, 1_000)).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it('counts the same bytes once, put one after another or at once', async () => {
    const store = await ObjectStore.open(dir, { clock });
    await store.put(chunks('same'), 10);
    await Promise.all(Array.from({ length: 8 }, () => store.put(chunks('sa', 'me'), 10)));
    await Promise.all(Array.from({ length: 8 }, () => store.put(chunks('other'), 10)));
    expect(store.usage()).toEqual({ count: 2, bytes: 9 });
    expect(filesIn(dir)).toHaveLength(2);
    expect((await ObjectStore.open(dir, { clock })).usage()).toEqual({ count: 2, bytes: 9 });
  });

  it('leaves nothing of a stream that breaks or is too large', async () => {
    const store = await ObjectStore.open(dir, { clock });
    const breaking = (async function* () {
      yield Buffer.from('half');
      throw new Error('cut off');
    })();
    expect(await codeOf(store.put(breaking, 100))).toBe('Error: cut off');
    expect(await codeOf(store.put(chunks('1234', '5678'), 7))).toBe('too-large');
    expect(filesIn(dir)).toEqual([]);
    expect(store.usage()).toEqual({ count: 0, bytes: 0 });
  });

  it('refuses what its quota does not hold, and takes it once there is room', async () => {
    const store = await ObjectStore.open(dir, { clock, quotaBytes: 10 });
    await store.put(chunks('12345678'), 100);
    expect(await codeOf(store.put(chunks('abc'), 100))).toBe('quota');
    expect(await store.room()).toBe(2);
    expect(store.delete(hashOf('12345678'))).toBe(true);
    expect(store.delete(hashOf('12345678'))).toBe(false);
    expect((await store.put(chunks('abc'), 100)).size).toBe(3);
  });

  it('leaves the disk its reserve, and nothing of what would have taken it', async () => {
    const { bavail, bsize } = statfsSync(dir);
    const store = await ObjectStore.open(dir, { clock, reserveBytes: bavail * bsize * 2 });
    expect(await codeOf(store.put(chunks('abc'), 100))).toBe('disk-full');
    expect(store.usage()).toEqual({ count: 0, bytes: 0 });
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
    await (await ObjectStore.open(dir, { clock, reserveBytes: 1 })).put(chunks('abc'), 100);
  });

  it('counts small objects by what they cost the disk', async () => {
    const { bavail, bsize } = statfsSync(dir);
    const store = await ObjectStore.open(dir, { clock, reserveBytes: bavail * bsize - 24 * 1_048_576 });
    let refused: unknown;
    for (let count = 0; refused === undefined && count < 20_000; count += 32) {
      const texts = Array.from({ length: 32 }, (_, more) => String(count + more));
      const put = await Promise.allSettled(texts.map((text) => store.put(chunks(text), 100)));
      refused = put.find((one) => one.status === 'rejected')?.reason;
    }
    expect(refused).toMatchObject({ code: 'disk-full' });
    expect(store.usage().bytes).toBeLessThan(1_048_576);
  });

  it('asks the disk again while an object arrives', async () => {
    const mebibyte = Buffer.alloc(1_048_576);
    const { bavail, bsize } = statfsSync(dir);
    const store = await ObjectStore.open(dir, { clock, reserveBytes: bavail * bsize - 96 * mebibyte.length });
    let taken = 0;
    async function* endless() {
      for (; ; taken += 1) yield mebibyte;
    }
    expect(await codeOf(store.put(endless(), 2 ** 36))).toBe('disk-full');
    expect(taken).toBeLessThan(4_096);
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  });

  it('never holds more than its quota, and counts what it holds, whatever is put, removed and collected', async () => {
    const step = fc.record({
      does: fc.constantFrom('put', 'put', 'put', 'delete', 'collect', 'break'),
      texts: fc.array(fc.constantFrom('a', 'bb', 'ccc', 'dddd', 'eeeee'), { minLength: 1, maxLength: 3 }),
    });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.integer({ min: 5, max: 15 }),
        async (steps, quotaBytes) => {
          const own = mkdtempSync(join(dir, 'model-'));
          const store = await ObjectStore.open(own, { clock, quotaBytes });
          for (const { does, texts } of steps) {
            const known = new Map<string, number>();
            for await (const { sha256, size } of store.list()) known.set(sha256, size);
            if (does === 'put') {
              const put = await Promise.all(texts.map((text) => codeOf(store.put(chunks(...text), 100))));
              for (const [index, code] of put.entries()) {
                if (code === 'quota') refused += 1;
                else expect(await store.has(hashOf(texts[index] ?? ''))).toBe(true);
              }
            } else if (does === 'delete') {
              for (const text of new Set(texts)) {
                expect(store.delete(hashOf(text))).toBe(known.has(hashOf(text)));
              }
            } else if (does === 'collect') {
              const isLive = (sha256: Sha256) => texts.map(hashOf).includes(sha256);
              await collect(store, { isLive, putBefore: Number.POSITIVE_INFINITY, onRemoved: quiet });
            } else {
              const broken = (async function* () {
                yield Buffer.from(texts.join(''));
                throw new Error('cut off');
              })();
              expect(await codeOf(store.put(broken, 100))).not.toBe('no error');
            }
            const held: number[] = [];
            for await (const { size } of store.list()) held.push(size);
            const bytes = held.reduce((sum, size) => sum + size, 0);
            expect(store.usage()).toEqual({ count: held.length, bytes });
            expect(bytes).toBeLessThanOrEqual(quotaBytes);
            expect(await store.room()).toBe(quotaBytes - bytes);
            expect(readdirSync(join(own, 'tmp'))).toEqual([]);
          }
          rmSync(own, { recursive: true });
        },
      ),
      { numRuns: 25 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  it('removes at its opening what a killed process left, and nothing that a running one writes', async () => {
    await ObjectStore.open(dir, { clock });
    writeFileSync(join(dir, 'tmp', `${2 ** 22 + 1}.1`), 'half');
    writeFileSync(join(dir, 'tmp', `${process.pid}.999999`), 'of an earlier life');
    writeFileSync(join(dir, 'tmp', `${process.ppid}.1`), 'of a process that runs');
    const store = await ObjectStore.open(dir, { clock });
    expect(filesIn(dir)).toEqual([`${process.ppid}.1`]);
    let opened = false;
    const slow = (async function* () {
      yield Buffer.from('a');
      await ObjectStore.open(dir, { clock });
      opened = true;
      yield Buffer.from('b');
    })();
    expect((await store.put(slow, 10)).sha256).toBe(hashOf('ab'));
    expect(opened).toBe(true);
  });

  it('collects what is not live, but for what was put or touched lately', async () => {
    const store = await ObjectStore.open(dir, { clock });
    for (const text of ['live', 'old', 'touched', 'put again']) await store.put(chunks(text), 100);
    await clock.advance(5_000);
    expect(await store.touch(hashOf('touched'))).toBe(true);
    expect(await store.touch(hashOf('never there'))).toBe(false);
    await store.put(chunks('put again'), 100);
    await store.put(chunks('young'), 100);
    const told: Sha256[] = [];
    const removed = await collect(store, {
      isLive: (sha256) => sha256 === hashOf('live'),
      putBefore: clock.now(),
      onRemoved: async (gone) => void told.push(...gone),
    });
    expect(told).toEqual([hashOf('old')]);
    expect(removed).toEqual({ count: 1, bytes: 3 });
    expect(await store.has(hashOf('old'))).toBe(false);
    expect(store.usage().count).toBe(4);
    expect(
      (await collect(store, { isLive: () => false, putBefore: clock.now() + 1, onRemoved: quiet })).count,
    ).toBe(4);
    expect(store.usage()).toEqual({ count: 0, bytes: 0 });
  });

  it('collects what was used longest ago first, and no more than enough', async () => {
    const store = await ObjectStore.open(dir, { clock });
    for (const text of ['first', 'second', 'third']) {
      await store.put(chunks(text), 100);
      await clock.advance(10);
    }
    await store.touch(hashOf('first'));
    const limits = { putBefore: clock.now() + 1, enough: 6 };
    expect(await collect(store, { isLive: () => false, ...limits, onRemoved: quiet })).toEqual({
      count: 1,
      bytes: 6,
    });
    expect(await store.has(hashOf('second'))).toBe(false);
    expect(store.usage().count).toBe(2);
  });

  it('never collects an object between its putting and its keeper', async () => {
    const store = await ObjectStore.open(dir, { clock });
    for (let round = 0; round < 50; round += 1) {
      await store.put(chunks('contended'), 100);
      await clock.advance(10);
      const [put] = await Promise.all([
        store.put(chunks('contended'), 100),
        collect(store, { isLive: () => false, putBefore: clock.now(), onRemoved: quiet }),
        collect(store, { isLive: () => false, putBefore: clock.now(), onRemoved: quiet }),
      ]);
      expect(await store.has(put.sha256)).toBe(true);
      expect(store.usage()).toEqual({ count: 1, bytes: 9 });
    }
  });

  it('says when an object is missing, larger than expected, or no longer what it was', async () => {
    const store = await ObjectStore.open(dir, { clock });
    const { sha256 } = await store.put(chunks('content'), 100);
    expect(await codeOf(store.read(hashOf('absent'), 100))).toBe('missing');
    expect(await codeOf(store.object(hashOf('absent')))).toBe('missing');
    expect(await codeOf(store.read(sha256, 3))).toBe('too-large');
    writeFileSync(store.path(sha256), 'changed');
    expect(await codeOf(store.read(sha256, 100))).toBe('corrupt');
  });
});
