import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IniError, type IniErrorCode, parseIni } from '../../../../daemons/lib/daemon/ini.ts';
import { askPython } from '../../../support/python.ts';

/** Python's own answer for each text: its sections without [DEFAULT] mixed in, or the exception's name and line. */
const oracle = `
import configparser, io, json, sys
answers = []
for text in json.load(sys.stdin):
    parser = configparser.RawConfigParser()
    try:
        parser.read_file(io.TextIOWrapper(io.BytesIO(text.encode('utf-8')), encoding='utf-8'))
        found = {name: dict(options) for name, options in parser._sections.items()}
        if parser._defaults: found['DEFAULT'] = dict(parser._defaults)
        answers.append(['ok', found])
    except configparser.MissingSectionHeaderError as e: answers.append(['no-section', e.lineno])
    except configparser.DuplicateSectionError as e: answers.append(['duplicate-section', e.lineno])
    except configparser.DuplicateOptionError as e: answers.append(['duplicate-option', e.lineno])
    except configparser.ParsingError as e: answers.append(['no-option', e.errors[0][0]])
json.dump(answers, sys.stdout)
`;

type Answer =
  | readonly ['ok', Readonly<Record<string, Readonly<Record<string, string>>>>]
  | [IniErrorCode, number];

function ours(text: string): Answer {
  try {
    const found = [...parseIni(text)].map(([name, { options }]) => {
      return [name, Object.fromEntries([...options].map(([key, { value }]) => [key, value]))] as const;
    });
    return [
      'ok',
      Object.fromEntries(
        found.filter(([name, options]) => name !== 'DEFAULT' || Object.keys(options).length > 0),
      ),
    ];
  } catch (error) {
    if (error instanceof IniError) return [error.code, error.line];
    throw error;
  }
}

const blanks = fc.constantFrom('', '', '', ' ', '  ', '    ', '\t', '\u00a0', '\u001c', '\u2003');
const words = fc.constantFrom(
  'a',
  'B',
  'key',
  'Key',
  'KEY',
  'dist',
  'value',
  'x=y',
  'a:b',
  '=',
  ':',
  '#',
  ';',
  '# c',
  '; c',
  'a # b',
  'a ; b',
  '[x]',
  '[',
  ']',
  '[]',
  '[a]b]c',
  'ÄÖ',
  'İ',
  'ΑΣ',
  '%(a)s',
  '$(b)',
  '"q"',
  '\u0085',
  '\ufeff',
  '\u2028',
);
const lines = fc.oneof(
  fc
    .tuple(
      blanks,
      fc.constantFrom('[common]', '[debian]', '[DEFAULT]', '[a b]', '[ x ]', '[x] # y', '[]', '[[a]]'),
    )
    .map((p) => p.join('')),
  fc
    .tuple(blanks, words, blanks, fc.constantFrom('=', ':', ''), blanks, words, blanks)
    .map((p) => p.join('')),
  fc.tuple(blanks, words).map((p) => p.join('')),
  blanks,
  fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => !/\p{Cs}/u.test(text)),
);
const ends = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r');
const files = fc
  .tuple(
    fc.constantFrom('', '[common]\n', '[common]\na = 1\n'),
    fc.array(fc.tuple(lines, ends), { maxLength: 9 }),
    fc.boolean(),
  )
  .map(([start, pairs, cut]) => {
    const text = start + pairs.map(([line, end]) => line + end).join('');
    return cut ? text.replace(/[\r\n]+$/, '') : text;
  });

describe('parseIni', () => {
  it("reads every text as Python's configparser does", () => {
    fc.assert(
      fc.property(fc.array(files, { minLength: 400, maxLength: 400 }), (texts) => {
        const theirs = askPython(oracle, texts) as Answer[];
        for (const [index, text] of texts.entries())
          expect([text, ours(text)]).toEqual([text, theirs[index]]);
      }),
      { numRuns: 6 },
    );
  });

  it('keeps the lines of a value, and where it began', () => {
    const ini = parseIni('[debian]\n# which\nDist = a.amd64\n    b.all\n\n    c.all\n\n[x]\n');
    expect(ini.get('debian')?.options.get('dist')).toEqual({ line: 3, value: 'a.amd64\nb.all\n\nc.all' });
  });
});
