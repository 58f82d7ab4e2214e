import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { parseSha256 } from '../../../../daemons/lib/domain/names.ts';
import { ObjectStore } from '../../../../daemons/lib/objects/store.ts';
import { type LineProgram, startLines } from '../../../support/processes.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';

let bundle: BundledProgram;
let folder: string;
beforeAll(() => {
  bundle = bundleProgram('test/support/programs/puts-objects.ts');
});
afterAll(() => bundle.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'killed-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function killed({ program, line }: LineProgram): Promise<string[]> {
  program.kill('SIGKILL');
  expect(await program.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const rest: string[] = [];
  for (let one = await line(); one !== undefined; one = await line()) rest.push(one);
  return rest;
}

const open = () => ObjectStore.open(folder, { clock: new VirtualClock() });
const temporary = () => readdirSync(join(folder, 'tmp'));

describe('an object store whose process was killed with -9', () => {
  it('holds nothing of an object that was half written, and no file of it', async () => {
    const writer = startLines(process.execPath, [bundle.path, folder, 'half']);
    expect(await writer.line()).toBe('half');
    expect(temporary()).toHaveLength(1);
    const other = await open();
    expect(other.usage()).toEqual({ count: 0, bytes: 0 });
    expect(temporary(), 'another process still writes it').toHaveLength(1);
    await killed(writer);
    expect((await open()).usage()).toEqual({ count: 0, bytes: 0 });
    expect(temporary()).toEqual([]);
  });

  it('holds, whenever that was, every object that it said is kept, each whole', async () => {
    const kept = new Set<string>();
    for (const round of [1, 2, 5, 9]) {
      const writer = startLines(process.execPath, [bundle.path, folder]);
      for (let count = 0; count < round; count++) kept.add((await writer.line()) ?? 'nothing');
      for (const line of await killed(writer)) if (line.length === 64) kept.add(line);
      const store = await open();
      expect(temporary()).toEqual([]);
      const found: number[] = [];
      for await (const { sha256, size } of store.list()) {
        expect(
          createHash('sha256')
            .update(readFileSync(store.path(sha256)))
            .digest('hex'),
        ).toBe(sha256);
        expect([40_000, 100_000]).toContain(size);
        found.push(size);
      }
      expect(store.usage()).toEqual({
        count: found.length,
        bytes: found.reduce((sum, size) => sum + size, 0),
      });
      for (const sha256 of kept) expect(await store.has(parseSha256(sha256))).toBe(true);
    }
    expect(kept.size).toBeGreaterThanOrEqual(9);
  });
});
