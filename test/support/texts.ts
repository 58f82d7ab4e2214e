import fc from 'fast-check';

/** Any character, control characters and halves of pairs too; `unit: 'binary'` takes a second to set itself up. */
const anyCharacter = fc
  .oneof(fc.nat(0x7f), fc.nat(0xff), fc.nat(0xffff), fc.nat(0x10ffff))
  .map((code) => String.fromCodePoint(code));

export function textsUpTo(maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: anyCharacter, maxLength });
}

/** Any text, and those that break a line, a terminal or a reader of either. */
export const awkwardTexts = fc.oneof(
  textsUpTo(40),
  fc.string({ unit: fc.constantFrom('"', '\\', '=', ' ', '\n', '\u001b', '\u202e', '\ud800', 'a') }),
);
