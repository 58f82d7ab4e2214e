/**
 * INI files exactly as Python's RawConfigParser reads them with its defaults (CPython, Lib/configparser.py, `_read`):
 * `=` and `:` delimit, `#` and `;` begin full-line comments, deeper indentation continues a value, option names are
 * lower-cased, nothing is interpolated, duplicates are errors.
 */

export const defaultSection = 'DEFAULT';

export interface IniOption {
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
}

export interface IniSection {
  readonly line: number;
  readonly options: ReadonlyMap<string, IniOption>;
}

/** Sections in file order; the options of `[DEFAULT]` stand under that name and are not mixed into the others. */
export type IniFile = ReadonlyMap<string, IniSection>;

/** Python's exceptions, in our words: MissingSectionHeaderError, DuplicateSectionError, DuplicateOptionError, ParsingError. */
export type IniErrorCode = 'no-section' | 'duplicate-section' | 'duplicate-option' | 'no-option';

export class IniError extends Error {
  override readonly name = 'IniError';
  constructor(
    readonly code: IniErrorCode,
    readonly line: number,
    /** The line, section or option that is wrong. */
    readonly found: string,
  ) {
    super(`line ${line}: ${code}: ${found}`);
  }
}

interface OpenOption {
  readonly line: number;
  readonly lines: string[];
}

interface OpenSection {
  readonly line: number;
  readonly options: Map<string, OpenOption>;
}

/** Throws an `IniError`, for the same texts and of the same kind as Python. */
export function parseIni(text: string): IniFile {
  const sections = new Map<string, OpenSection>();
  let section: OpenSection | undefined;
  let option: OpenOption | undefined;
  let indentation = 0;
  let bogus: IniError | undefined;
  for (const [index, line] of linesOf(text).entries()) {
    const number = index + 1;
    const value = strip(line);
    if (value.startsWith('#') || value.startsWith(';')) continue;
    if (value === '') {
      option?.lines.push('');
      continue;
    }
    const indented = line.search(nonSpace);
    if (option !== undefined && indented > indentation) {
      option.lines.push(value);
      continue;
    }
    indentation = indented;
    const header = /^\[([^\n]+)\]/.exec(value)?.[1];
    if (header !== undefined) {
      section = openSection(sections, header, number);
      option = undefined;
      continue;
    }
    if (section === undefined) throw new IniError('no-section', number, value);
    const at = value.search(/[=:]/);
    if (at === -1) {
      bogus ??= new IniError('no-option', number, value);
      continue;
    }
    const name = strip(value.slice(0, at)).toLowerCase();
    if (name === '') bogus ??= new IniError('no-option', number, value);
    if (section.options.has(name)) throw new IniError('duplicate-option', number, name);
    const opened = { line: number, lines: [strip(value.slice(at + 1))] };
    section.options.set(name, opened);
    option = name === '' ? undefined : opened;
  }
  if (bogus !== undefined) throw bogus;
  return new Map([...sections].map(([name, open]) => [name, joined(open)]));
}

/** `[DEFAULT]` alone may be opened twice. */
function openSection(sections: Map<string, OpenSection>, name: string, line: number): OpenSection {
  const known = sections.get(name);
  if (known !== undefined && name !== defaultSection) throw new IniError('duplicate-section', line, name);
  const section = known ?? { line, options: new Map<string, OpenOption>() };
  sections.set(name, section);
  return section;
}

function joined(section: OpenSection): IniSection {
  const options = new Map<string, IniOption>();
  for (const [name, { line, lines }] of section.options) {
    options.set(name, { line, value: lines.join('\n').replace(trailing, '') });
  }
  return { line: section.line, options };
}

/** Python opens files with universal newlines. */
function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** What `str.isspace` and `\s` mean to Python: not what they mean to JavaScript. */
const space = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const nonSpace = new RegExp(`[^${space}]`);
const leading = new RegExp(`^[${space}]+`);
const trailing = new RegExp(`[${space}]+$`);

function strip(text: string): string {
  return text.replace(leading, '').replace(trailing, '');
}
