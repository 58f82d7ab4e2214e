import { fstatSync } from 'node:fs';
import pino from 'pino';
import { isoTime, systemClock } from './clock.ts';
import { escapeText } from './escape-text.ts';

/** What an event is about: `job`, `package` and `version` end the line, so that they are found by eye and by grep. */
export type LogFields = Readonly<
  { job?: string | undefined; package?: string; version?: string } & Record<
    string,
    string | number | undefined
  >
>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  notice(event: string, fields?: LogFields): void;
  warning(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  child(fields: LogFields): Log;
}

/** Names and numbers of sd-daemon(3). */
const severities = { debug: 7, info: 6, notice: 5, warning: 4, error: 3 } as const;
type Severity = keyof typeof severities;
const pinoLevels = { debug: 20, info: 30, notice: 35, warning: 40, error: 50 } as const;
const severityOf = new Map<unknown, Severity>(
  Object.entries(pinoLevels).map(([name, level]) => [level, name as Severity]),
);

const lastFields = ['job', 'package', 'version'] as const;
const maxEvent = 1_000;
const maxValue = 500;

export interface LogOptions {
  /** `journal`: each line begins with `<N>`; `plain`: with the time and the severity's name. */
  readonly style: 'journal' | 'plain';
  readonly level?: Severity;
  /** Takes whole lines; standard error by default. */
  readonly write?: (line: string) => void;
}

/** The log of a role, to standard error: one readable line an event. */
export function openLog(role: string, options: LogOptions = fromEnvironment()): Log {
  const logger = pino(
    {
      base: null,
      timestamp: false,
      customLevels: pinoLevels,
      useOnlyCustomLevels: true,
      level: options.level ?? 'info',
      hooks: { streamWrite: (json: string) => lineOf(role, JSON.parse(json), options.style) },
    },
    options.write === undefined ? pino.destination({ dest: 2, sync: true }) : { write: options.write },
  );
  return wrap(logger, {});
}

type Pino = pino.Logger<Severity>;

function wrap(logger: Pino, fixed: LogFields): Log {
  const at = (severity: Severity) => (event: string, fields?: LogFields) =>
    logger[severity]({ event, fields: { ...fixed, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    notice: at('notice'),
    warning: at('warning'),
    error: at('error'),
    child: (fields) => wrap(logger, { ...fixed, ...fields }),
  };
}

interface LoggedEvent {
  readonly level: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

function lineOf(role: string, logged: LoggedEvent, style: LogOptions['style']): string {
  const severity = severityOf.get(logged.level) ?? 'info';
  const start =
    style === 'journal' ? `<${severities[severity]}>` : `${isoTime(systemClock.now())} ${severity} ${role}: `;
  const names = Object.keys(logged.fields).filter(
    (name) => !(lastFields as readonly string[]).includes(name),
  );
  const shown = [...names, ...lastFields]
    .filter((name) => logged.fields[name] !== undefined)
    .map((name) => ` ${name}=${shownValue(logged.fields[name] ?? '')}`);
  return `${start}${escapeText(logged.event, maxEvent)}${shown.join('')}\n`;
}

function shownValue(value: string | number): string {
  const text = escapeText(String(value), maxValue);
  return /^[^\s"=]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

function fromEnvironment(): LogOptions {
  const style = process.env.LOG_PREFIX === 'journal' || stderrIsJournal() ? 'journal' : 'plain';
  return { style, level: process.env.LOG_LEVEL === 'debug' ? 'debug' : 'info' };
}

/** $JOURNAL_STREAM names the device and inode of the journal's socket (systemd.exec(5)). */
function stderrIsJournal(): boolean {
  const journal = process.env.JOURNAL_STREAM;
  if (journal === undefined) return false;
  try {
    const { dev, ino } = fstatSync(2);
    return journal === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
