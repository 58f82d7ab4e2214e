import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deb822Caps, parseDeb822, parseStanza } from '../../../../daemons/lib/archive/deb822.ts';
import { ArchiveError } from '../../../../daemons/lib/archive/errors.ts';

function objects(text: string | Uint8Array): readonly Record<string, string>[] {
  return [...parseDeb822(text)].map((stanza) => Object.fromEntries(stanza));
}

describe('parseDeb822', () => {
  it('reads fields, folded fields and stanzas', () => {
    const text = '\n\n# a comment\nPackage: a\nDepends: b,\n c\n .\n\td \n\n \t\nPackage:z\nEmpty:\n';
    expect(objects(text)).toEqual([
      { package: 'a', depends: 'b,\n c\n .\n\td' },
      { package: 'z', empty: '' },
    ]);
    expect(objects(Buffer.from(text))).toEqual(objects(text));
  });

  it('skips a comment inside a field', () => {
    expect(objects('A: 1\n# not this\n 2\n')).toEqual([{ a: '1\n 2' }]);
  });

  it.each([
    ['a continuation first', ' x\n', 'continuation line before'],
    ['a line that is no field', 'A: 1\nnonsense\n', 'neither a field'],
    ['a field twice', 'A: 1\na: 2\n', 'given twice'],
    ['a field without a name', ': x\n', 'neither a field'],
  ])('refuses %s', (_what, text, say) => {
    expect(() => objects(text)).toThrow(say);
    expect(() => objects(text)).toThrow(ArchiveError);
  });

  it.each([
    ['bytes', { bytes: 3 }],
    ['stanzas', { stanzas: 1 }],
    ['fields', { fields: 1 }],
    ['fieldBytes', { fieldBytes: 4 }],
  ])('stops at its cap of %s', (_what, cap) => {
    const text = 'A: 12345\n 67890\nB: 1\n\nC: 1\n';
    expect(() => [...parseDeb822(text, { ...deb822Caps, ...cap })]).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    );
  });

  it('throws nothing but ArchiveError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (bytes, text) => {
        for (const input of [bytes, text, `A: ${text}\n${text}`]) {
          try {
            expect(objects(input)).toBeInstanceOf(Array);
          } catch (error) {
            expect(error).toBeInstanceOf(ArchiveError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  const python = '/usr/lib/python3/dist-packages/debian/deb822.py';
  if (existsSync(python)) {
    it('reads generated texts as python3-debian does', () => {
      const word = fc.string({ unit: fc.constantFrom(...'aB0-:.#é '), maxLength: 8 });
      const line = fc.oneof(
        { weight: 4, arbitrary: fc.tuple(fc.nat({ max: 30 }), word).map(([n, text]) => `F${n}: ${text}`) },
        { weight: 2, arbitrary: word.map((text) => ` x${text}`) },
        { weight: 1, arbitrary: word.map((text) => `#${text}`) },
        { weight: 1, arbitrary: fc.constantFrom('', ' ', '\t') },
      );
      const texts = fc
        .sample(fc.array(line, { maxLength: 12 }), { numRuns: 400, seed: 11 })
        .map((lines) => `${lines.join('\n')}\n`);
      const script = `
import json, sys
from debian.deb822 import Deb822
out = [[{k.lower(): v for k, v in p.items()} for p in Deb822.iter_paragraphs(t.encode().splitlines())] for t in json.load(sys.stdin)]
json.dump(out, sys.stdout)`;
      const answers = JSON.parse(
        execFileSync('/usr/bin/python3', ['-c', script], { input: JSON.stringify(texts), encoding: 'utf8' }),
      ) as Record<string, string>[][];
      let compared = 0;
      for (const [index, text] of texts.entries()) {
        let ours: readonly Record<string, string>[];
        try {
          ours = objects(text);
        } catch {
          continue; // stricter than Python: it drops what belongs to no field, and lets the last of two fields win
        }
        // Python keeps blanks at the end of a folded line.
        const theirs = (answers[index] ?? [])
          .filter((stanza) => Object.keys(stanza).length > 0)
          .map((stanza) =>
            Object.fromEntries(
              Object.entries(stanza).map(([name, value]) => [name, value.replace(/[ \t]+$/gm, '')]),
            ),
          );
        expect(ours, JSON.stringify(text)).toEqual(theirs);
        compared += 1;
      }
      expect(compared).toBeGreaterThan(150);
    });
  }
});

describe('parseStanza', () => {
  it('wants exactly one', () => {
    expect(parseStanza('A: 1\n').get('a')).toBe('1');
    expect(() => parseStanza('\n')).toThrow('no fields');
    expect(() => parseStanza('A: 1\n\nB: 2\n')).toThrow('more than one');
  });
});
