import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SortedTable, TableBuilder } from '../../../../daemons/lib/archive/table.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'table-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function tableOf(rows: readonly string[], path = join(folder, 'table')): Promise<SortedTable> {
  const builder = new TableBuilder();
  for (const row of rows) builder.add(row);
  await builder.write(path, 'test');
  const table = await SortedTable.open(path, 'test');
  if (table === undefined) throw new Error('no table');
  return table;
}

describe('SortedTable', () => {
  it('finds exactly the rows whose first fields are the key', async () => {
    const cell = fc.string({ unit: fc.constantFrom(...'ab+.-~'), minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 40 }),
        cell,
        cell,
        async (cells, a, b) => {
          const rows = cells.map((row) => row.join('\t'));
          const table = await tableOf(rows);
          const expected = (...key: string[]) =>
            rows.filter((row) => row.startsWith(`${key.join('\t')}\t`)).sort();
          expect([...table.find(a)].map((row) => row.join('\t'))).toEqual(expected(a));
          expect([...table.find(a, b)].map((row) => row.join('\t'))).toEqual(expected(a, b));
          for (const [x, y] of cells) expect([...table.find(x, y)].length).toBe(expected(x, y).length);
          expect([...table.rows()]).toHaveLength(rows.length);
          expect(table.count).toBe(rows.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('holds more rows than one piece of memory', async () => {
    const rows = Array.from(
      { length: 30_000 },
      (_, n) => `key${String(n).padStart(6, '0')}\t${'x'.repeat(300)}`,
    );
    const table = await tableOf(rows.toReversed());
    expect([...table.find('key000000')]).toHaveLength(1);
    expect([...table.find('key029999')]).toHaveLength(1);
    expect([...table.find('key030000')]).toHaveLength(0);
  });

  it('is not there when it was never made, or is of something else', async () => {
    await tableOf(['a\tb']);
    expect(await SortedTable.open(join(folder, 'none'), 'test')).toBeUndefined();
    expect(await SortedTable.open(join(folder, 'table'), 'other')).toBeUndefined();
    writeFileSync(join(folder, 'junk'), 'no table at all');
    expect(await SortedTable.open(join(folder, 'junk'), 'test')).toBeUndefined();
  });

  it('notices that it was cut short', async () => {
    await tableOf(['a\tb', 'c\td']);
    const bytes = readFileSync(join(folder, 'table'));
    writeFileSync(join(folder, 'cut'), bytes.subarray(0, bytes.length - 1));
    await expect(SortedTable.open(join(folder, 'cut'), 'test')).rejects.toMatchObject({ code: 'malformed' });
  });

  it('leaves no temporary files', async () => {
    await tableOf(['a\tb']);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
