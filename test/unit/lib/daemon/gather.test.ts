import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gather } from '../../../../daemons/lib/daemon/gather.ts';

async function gathered(pieces: Iterable<Uint8Array>): Promise<Uint8Array[]> {
  const given = async function* () {
    yield* pieces;
  };
  const seen: Uint8Array[] = [];
  for await (const piece of gather(given())) seen.push(piece);
  return seen;
}

describe('gathered pieces', () => {
  it('hold the same bytes, and are few however many came', async () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 200_000 })), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const pieces = lengths.map((length, index) => Buffer.alloc(length, index));
        const seen = await gathered(pieces);
        const bytes = Buffer.concat(pieces);
        expect(Buffer.concat(seen).equals(bytes)).toBe(true);
        expect(seen.length).toBeLessThanOrEqual(2 * Math.ceil(bytes.length / 16_384) + 1);
      }),
    );
  });

  it('are sixteen of a million of one byte', async () => {
    const ones = function* () {
      for (let at = 0; at < 1_048_576; at++) yield Buffer.of(at & 0xff);
    };
    expect(await gathered(ones())).toHaveLength(16);
  });
});
