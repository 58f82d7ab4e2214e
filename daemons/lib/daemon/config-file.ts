import { readFileSync } from 'node:fs';
import { escapeText } from './escape-text.ts';
import { IniError, type IniErrorCode, type IniFile, parseIni } from './ini.ts';

/** What is wrong with rebuilder.conf, in one line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(
    readonly file: string,
    readonly line: number | undefined,
    /** A key, or a section in brackets. */
    readonly key: string,
    readonly found: string,
    readonly expected: string,
    options?: ErrorOptions,
  ) {
    const place = line === undefined ? file : `${file}:${line}`;
    super(
      `${place}: ${key === '' ? '' : `${escapeText(key, 80)}: `}found ${found}, expected ${expected}`,
      options,
    );
  }
}

const maxFileBytes = 1_048_576;

export interface ConfigFile {
  readonly path: string;
  readonly sections: IniFile;
}

/** Reads one file; undefined if there is none. Throws a `ConfigError`. */
export function readConfigFile(path: string): ConfigFile | undefined {
  const text = readText(path);
  return text === undefined ? undefined : { path, sections: parseFile(path, text) };
}

function readText(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > maxFileBytes)
      throw new ConfigError(path, undefined, '', 'a file too large', 'at most 1 MiB');
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const found = error instanceof TypeError ? 'bytes that are not UTF-8' : `an unreadable file (${code})`;
    throw new ConfigError(path, undefined, '', found, 'a readable text file', { cause: error });
  }
}

const iniErrors: Readonly<Record<IniErrorCode, readonly [key: boolean, found: string, expected: string]>> = {
  'no-section': [false, 'a line before any section', 'a section such as [common]'],
  'duplicate-section': [true, 'the section a second time', 'each section once'],
  'duplicate-option': [true, 'the key a second time in its section', 'each key once'],
  'no-option': [false, 'a line without = or :', 'KEY = VALUE'],
};

function parseFile(path: string, text: string): IniFile {
  try {
    return parseIni(text);
  } catch (error) {
    if (!(error instanceof IniError)) throw error;
    const [named, found, expected] = iniErrors[error.code];
    const key = error.code === 'duplicate-section' ? `[${error.found}]` : error.found;
    const shown = named ? found : `${found} (${escapeText(error.found, 80)})`;
    throw new ConfigError(path, error.line, named ? key : '', shown, expected, { cause: error });
  }
}
