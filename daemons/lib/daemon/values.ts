import { isAbsolute } from 'node:path';
import { type Dist, DistError, parseDist } from '../domain/dist.ts';
import {
  type Fingerprint,
  NameError,
  parseFingerprint,
  parseRebuilderId,
  type RebuilderId,
} from '../domain/names.ts';

/** Parsers of the values of rebuilder.conf. Each throws a `ValueError` that says what it expects. */

export class ValueError extends Error {
  override readonly name = 'ValueError';
  constructor(readonly expected: string) {
    super(`expected ${expected}`);
  }
}

export function integer(least: number, most: number, what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text) || value < least || value > most) {
      throw new ValueError(`${what} from ${least} to ${most}`);
    }
    return value;
  };
}

const secondsOf: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds, or a number with `s`, `m`, `h` or `d`. */
export function duration(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,9})\s*([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(digits) * (secondsOf[unit] ?? Number.NaN);
  if (!(seconds >= 1)) throw new ValueError('a time of at least one second, such as 1800, 30m or 12h');
  return seconds;
}

/** Bytes, or a number with `K`, `M`, `G` or `T` (powers of 1,024). */
export function bytes(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,15})\s*(?:([KMGT])i?)?B?$/i.exec(text) ?? [];
  const size = Number(digits) * 1_024 ** ' KMGT'.indexOf(unit.toUpperCase() || ' ');
  if (!(size >= 1) || size > 2 ** 50) throw new ValueError('a size, such as 512M or 20G');
  return size;
}

/** The words that configparser takes for a boolean. */
export function yesNo(text: string): boolean {
  const word = text.toLowerCase();
  if (['yes', 'true', 'on', '1'].includes(word)) return true;
  if (['no', 'false', 'off', '0'].includes(word)) return false;
  throw new ValueError('yes or no');
}

export function oneOf<const Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((known) => known === text);
    if (word === undefined) throw new ValueError(words.join(' or '));
    return word;
  };
}

/** One line without blanks. */
export function word(what: string): (text: string) => string {
  return (text) => {
    if (!/^\S{1,1000}$/.test(text)) throw new ValueError(`${what}, without blanks`);
    return text;
  };
}

/** `HOST:PORT`, `[IPV6]:PORT` or `PORT` on every address. */
export function hostAndPort(text: string): Readonly<{ host: string; port: number }> {
  const [, bracketed, plain, digits] =
    /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port >= 1 && port <= 65_535)) throw new ValueError('HOST:PORT, such as 127.0.0.1:8090 or [::]:8090');
  return { host: bracketed ?? plain ?? '::', port };
}

export function absolutePath(text: string): string {
  if (!isAbsolute(text) || /[\0\n]/.test(text)) throw new ValueError('an absolute path');
  return text;
}

/** A file that is for one distribution, and its suites of updates, alone. */
export type SuiteFile = Readonly<{ suite: string; file: string }>;

/** `SUITE=FILE`, separated by blanks or line ends. */
export function suiteFiles(text: string): readonly SuiteFile[] {
  return text
    .split(/\s+/)
    .filter((part) => part !== '')
    .map((part) => {
      const [, suite = '', file = ''] = /^([^=]+)=(.+)$/.exec(part) ?? [];
      if (!/^[A-Za-z0-9][A-Za-z0-9.~_-]*$/.test(suite) || !isAbsolute(file)) {
        throw new ValueError('SUITE=FILE, such as bookworm=/etc/keys/mine.gpg');
      }
      return { suite, file };
    });
}

/** As gpg shows it, with or without its blanks. */
export function fingerprint(text: string): Fingerprint {
  return named(parseFingerprint, text.replace(/[ \t]/g, '').replace(/^0x/, ''));
}

export function rebuilderId(text: string): RebuilderId {
  return named(parseRebuilderId, text);
}

function named<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof NameError) throw new ValueError(error.expected);
    throw error;
  }
}

const maxFingerprints = 16;

/** Full fingerprints without blanks inside, separated by blanks or line ends; each once. */
export function fingerprints(text: string): readonly Fingerprint[] {
  const words = text.split(/\s+/).filter((part) => part !== '');
  if (words.length > maxFingerprints) throw new ValueError(`at most ${maxFingerprints} fingerprints`);
  try {
    return [...new Set(words.map((part) => parseFingerprint(part.replace(/^0x/, ''))))];
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    throw new ValueError('full OpenPGP fingerprints (40 hexadecimal digits each), separated by blanks');
  }
}

export function webUrl(text: string): string {
  if (!/^https?:\/\/[^\s/]+\S*$/.test(text) || !URL.canParse(text)) {
    throw new ValueError('an http:// or https:// URL');
  }
  return text;
}

export function webUrlOrFolder(text: string): string {
  if (isAbsolute(text)) return absolutePath(text);
  try {
    return webUrl(text);
  } catch {
    throw new ValueError('an http:// or https:// URL, or an absolute path');
  }
}

/** Dists separated by blanks or line ends. */
export function dists(text: string): readonly Dist[] {
  const words = new Set(text.split(/\s+/).filter((part) => part !== ''));
  try {
    return [...words].map((part) => parseDist(part));
  } catch (error) {
    if (error instanceof DistError) throw new ValueError(`dists such as bookworm.amd64 (${error.message})`);
    throw error;
  }
}

/** Lines as in apt's sources.list(5), their comments and blank lines left out. */
export function sourcesLines(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  const entries = lines.filter((line) => line !== '');
  if (!entries.every((line) => /^deb(-src)?\s+(\[[^\]]*\]\s+)?\S+\s+\S+/.test(line))) {
    throw new ValueError('lines `deb [OPTIONS] URI SUITE COMPONENTS...`');
  }
  return entries;
}

/** Where the ledger's work is announced. `amqp` is of the seed's first year; nothing speaks it now. */
export type Broker =
  | Readonly<{ kind: 'embedded'; path?: string }>
  | Readonly<{ kind: 'redis' | 'amqp'; url: string }>;

export function broker(text: string): Broker {
  if (text.startsWith('sqlite:')) return embedded(text);
  if (/^rediss?:\/\/\S+$/.test(text)) return { kind: 'redis', url: text };
  if (/^amqps?:\/\/\S+$/.test(text)) return { kind: 'amqp', url: text };
  throw new ValueError('sqlite:PATH or redis://HOST:PORT/DATABASE');
}

/** Where the ledger's truth is. `celery` is a result database of Celery's own, of the seed's first year. */
export type Backend =
  | Readonly<{ kind: 'embedded'; path?: string }>
  | Readonly<{ kind: 'mongodb' | 'celery'; url: string }>;

export function backend(text: string): Backend {
  if (text.startsWith('sqlite:')) return embedded(text);
  if (/^mongodb(\+srv)?:\/\/\S+$/.test(text)) return { kind: 'mongodb', url: text };
  if (/^db\+[a-z]+:\/\/\S+$/.test(text)) return { kind: 'celery', url: text };
  throw new ValueError('sqlite:PATH or mongodb://HOST:PORT');
}

function embedded(text: string): Readonly<{ kind: 'embedded'; path: string }> {
  const path = text.slice('sqlite:'.length);
  if (!isAbsolute(path)) throw new ValueError('sqlite: and an absolute path');
  return { kind: 'embedded', path };
}
