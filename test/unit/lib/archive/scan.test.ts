import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDeb822 } from '../../../../daemons/lib/archive/deb822.ts';
import { maxStanzaBytes, scanIndex } from '../../../../daemons/lib/archive/scan.ts';

async function* pieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function scan(text: string, fields: readonly string[], size = 65_536): Promise<string[][]> {
  const found: string[][] = [];
  await scanIndex(pieces(text, size), fields, (values) => found.push([...values]));
  return found;
}

describe('scanIndex', () => {
  it('cuts the wanted fields out of each stanza', async () => {
    const text =
      'Package: a\nVersion: 1\nDescription: Überraschung: no\nChecksums-Sha256:\n x 1 f\n y 2 g\nsize: 3\n\n\nPackage: b\n';
    expect(await scan(text, ['Package', 'Size', 'Checksums-Sha256', 'Version'])).toEqual([
      ['a', '3', '\n x 1 f\n y 2 g', '1'],
      ['b', '', '', ''],
    ]);
  });

  it('reads as the deb822 reader does, wherever the chunks end', async () => {
    const name = fc.constantFrom('Package', 'Version', 'Size', 'Provides', 'Section');
    const value = fc.string({ unit: fc.constantFrom(...'ab1: .'), maxLength: 10 }).map((text) => text.trim());
    const stanza = fc
      .uniqueArray(
        fc.tuple(
          name,
          value,
          fc.array(
            value.map((text) => `x${text}`),
            { maxLength: 2 },
          ),
        ),
        {
          minLength: 1,
          selector: ([field]) => field,
        },
      )
      .map((fields) =>
        fields
          .map(
            ([field, first, more]) =>
              `${[`${field}: ${first}`, ...more.map((line) => ` ${line}`)].join('\n')}\n`,
          )
          .join(''),
      );
    const fields = ['Package', 'Version', 'Provides'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(stanza, { maxLength: 6 }),
        fc.integer({ min: 1, max: 50 }),
        async (stanzas, size) => {
          const text = stanzas.join('\n');
          const expected = [...parseDeb822(text)].map((found) =>
            fields.map((field) => found.get(field.toLowerCase()) ?? ''),
          );
          expect(await scan(text, fields, size)).toEqual(expected);
        },
      ),
    );
  });

  it('joins stanzas over many chunks', async () => {
    const text = Array.from(
      { length: 20_000 },
      (_, n) => `Package: p${n}\nFiller: ${'x'.repeat(n % 97)}\n`,
    ).join('\n');
    const found = await scan(text, ['Package'], 70_001);
    expect(found).toHaveLength(20_000);
    expect(found.every(([name], n) => name === `p${n}`)).toBe(true);
  });

  it('refuses a stanza without end', async () => {
    async function* endless() {
      for (;;) yield Buffer.from(`F: ${'x'.repeat(65_536)}\n`);
    }
    await expect(scanIndex(endless(), ['F'], () => {})).rejects.toMatchObject({ code: 'too-large' });
    expect(maxStanzaBytes).toBeLessThan(2 ** 24);
  });
});
