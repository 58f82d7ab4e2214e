import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineTooLong, readLines } from '../../../../daemons/vault/gpg2/lines.ts';

async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  async function* stream() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const lines: string[] = [];
  for await (const line of readLines(stream())) lines.push(line);
  return lines;
}

describe('lines of an Assuan stream', () => {
  it('are the same however they were cut, byte for byte', async () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.array(fc.nat({ max: 200 }), { maxLength: 5 }), async (whole, cuts) => {
        const at = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
        const chunks = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        const expected = Buffer.from(whole).toString('latin1').split('\n');
        // What follows the last line feed is a line when there is anything.
        expect(await linesOf(chunks)).toEqual(expected.at(-1) === '' ? expected.slice(0, -1) : expected);
      }),
    );
  });

  it('are not longer than split-gpg2 reads, ended or not', async () => {
    await expect(linesOf([Buffer.alloc(65_537, 'x')])).rejects.toThrow(LineTooLong);
    await expect(linesOf([Buffer.from(`${'x'.repeat(65_537)}\n`)])).rejects.toThrow(LineTooLong);
    expect(await linesOf([Buffer.from(`${'x'.repeat(65_536)}\n`)])).toHaveLength(1);
  });
});
