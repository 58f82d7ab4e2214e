import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openTerminal, paint, table } from '../../../daemons/rebuilderctl/terminal.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

function capture(isTTY: boolean, env: Record<string, string> = {}) {
  let out = '';
  const stream = {
    isTTY,
    write: (bytes: string | Uint8Array) => (out += Buffer.from(bytes as string).toString()),
  };
  return { terminal: openTerminal(stream, stream, env), written: () => out };
}

describe('openTerminal', () => {
  it('lets no foreign text steer a terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { terminal, written } = capture(true);
        terminal.note(text);
        terminal.raw(Buffer.from(text));
        terminal.json({ text });
        for (const line of table(['A', 'B'], [[text, text]])) terminal.print(line);
        expect(written()).not.toMatch(obeyed);
      }),
    );
  });

  it('writes JSON that reads back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { terminal, written } = capture(false);
        terminal.json({ text });
        expect(written()).toMatch(/^.*\n$/);
        expect(JSON.parse(written())).toEqual({ text });
      }),
    );
  });

  it('passes a log through unchanged where nobody watches', () => {
    const { terminal, written } = capture(false);
    terminal.raw(Buffer.from('\u001b[31mred\r\n'));
    expect(written()).toBe('\u001b[31mred\r\n');
  });

  it('has colour on a terminal only, and not where it is unwanted', () => {
    expect(paint(capture(true).terminal, 'failure')).toBe('\u001b[31mfailure\u001b[0m');
    expect(paint(capture(false).terminal, 'failure')).toBe('failure');
    expect(paint(capture(true, { NO_COLOR: '1' }).terminal, 'failure')).toBe('failure');
    expect(paint(capture(true, { TERM: 'dumb' }).terminal, 'failure')).toBe('failure');
  });
});

describe('table', () => {
  it('aligns columns to their widest cell', () => {
    expect(table(['A', 'LONG', 'C'], [['aaa', 'b', 'c']])).toEqual(['A    LONG  C', 'aaa  b     c']);
  });
});
