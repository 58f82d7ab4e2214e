import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeText } from '../../../../daemons/lib/daemon/escape-text.ts';
import { awkwardTexts } from '../../../support/texts.ts';

describe('escapeText', () => {
  const unescaped = (text: string) =>
    text.replace(/\\(\\|n|t|x[0-9a-f]{2}|u\{[0-9a-f]+\})/g, (_all, what: string) => {
      const named = { '\\': '\\', n: '\n', t: '\t' }[what];
      return named ?? String.fromCodePoint(Number.parseInt(what.replace(/[xu{}]/g, ''), 16));
    });

  it('can be undone, so that no two texts look alike', () => {
    fc.assert(
      fc.property(awkwardTexts, (text) => {
        const escaped = escapeText(text, 1_000);
        expect(escaped).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(unescaped(escaped)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves what people write alone', () => {
    expect(escapeText('Größe: 10 € für 日本語 🎉', 100)).toBe('Größe: 10 € für 日本語 🎉');
  });

  it('shows what changes a terminal or the direction of text', () => {
    expect(escapeText('\u001b[31mred\u001b[0m', 100)).toBe('\\x1b[31mred\\x1b[0m');
    expect(escapeText('\u202egnp.exe\u2066', 100)).toBe('\\u{202e}gnp.exe\\u{2066}');
    expect(escapeText('a\r\nb\u2028c\u0085', 100)).toBe('a\\x0d\\nb\\u{2028}c\\x85');
  });

  it('cuts before it escapes, in the middle of a character if need be', () => {
    expect(escapeText('abcdef', 3)).toBe('abc…');
    expect(escapeText('ab🎉', 3)).toBe('ab\\u{d83c}…');
  });
});
