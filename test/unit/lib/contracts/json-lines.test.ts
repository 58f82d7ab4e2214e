import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContractError } from '../../../../daemons/lib/contracts/contract.ts';
import { formatJsonLines, readJsonLines } from '../../../../daemons/lib/contracts/json-lines.ts';

async function* chunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const size of sizes) {
    yield bytes.subarray(from, from + size);
    from += size;
  }
  yield bytes.subarray(from);
}

async function read(bytes: Uint8Array, sizes: readonly number[] = [], maxLine = 1_000): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const row of readJsonLines(chunks(bytes, sizes), { what: 'test', maxLine, parse: (u) => u })) {
    rows.push(row);
  }
  return rows;
}

describe('readJsonLines', () => {
  it('reads back what was written, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue({ maxDepth: 2 })),
        fc.array(fc.nat(30), { maxLength: 20 }),
        async (rows, sizes) => {
          const bytes = formatJsonLines(rows);
          expect(await read(bytes, sizes, 100_000)).toEqual(JSON.parse(JSON.stringify(rows)));
        },
      ),
    );
  });

  it('reads a last line that has no LF, and skips empty ones', async () => {
    expect(await read(Buffer.from('1\n\n{"a":2}'))).toEqual([1, { a: 2 }]);
  });

  it('refuses a line beyond the cap before it has ended', async () => {
    await expect(read(Buffer.from(`"${'x'.repeat(50)}"`), [10, 10, 10], 20)).rejects.toThrow(
      /line 1: longer than 20 bytes/,
    );
    await expect(read(Buffer.from('1\n"xxxxxxxxxxxxxxxxxxxxxxxx"\n'), [], 20)).rejects.toThrow(
      /line 2: longer/,
    );
  });

  it('answers any bytes with rows or a ContractError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        try {
          await read(bytes, [], 30);
        } catch (error) {
          expect(error).toBeInstanceOf(ContractError);
        }
      }),
    );
  });
});
