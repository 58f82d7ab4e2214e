import { escapeText } from '../lib/daemon/escape-text.ts';
import type { ShownState } from '../lib/domain/verdict.ts';

/** Where a command writes: answers to standard output, everything else to standard error. */
export interface Terminal {
  readonly colour: boolean;
  /** One line of the answer. */
  print(line: string): void;
  /** The answer as one JSON object on one line. */
  json(value: unknown): void;
  /** Bytes of a log, as they are where nobody watches, made harmless on a terminal. */
  raw(bytes: Buffer): void;
  /** One line about the work, for whoever watches. */
  note(line: string): void;
  /** As `raw`, among the notes. */
  noteRaw(bytes: Buffer): void;
}

interface Output {
  readonly isTTY?: boolean;
  write(bytes: string | Uint8Array): unknown;
}

/** No colour off a terminal, nor where NO_COLOR or a dumb terminal asks for none. */
export function openTerminal(
  out: Output,
  err: Output,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const colour = out.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return {
    colour,
    print: (line) => out.write(`${line}\n`),
    json: (value) => out.write(`${JSON.stringify(value).replace(unshowable, jsonEscape)}\n`),
    raw: (bytes) => writeLog(out, bytes),
    noteRaw: (bytes) => writeLog(err, bytes),
    note: (line) => err.write(`${escapeLog(line)}\n`),
  };
}

function writeLog(to: Output, bytes: Buffer): void {
  to.write(to.isTTY === true ? escapeLog(bytes.toString('utf8')) : bytes);
}

/** What a terminal obeys instead of showing it, or what changes how other text is read. */
const unshowable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function jsonEscape(character: string): string {
  return [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('');
}

/** What keeps a log readable stays: line feeds and tabs. */
export function escapeLog(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(unshowable, (character) => {
    if (character === '\n' || character === '\t') return character;
    return character === '\r' ? '\n' : '\ufffd';
  });
}

const maxCell = 200;

/** Columns as wide as their widest cell, the last one ragged; cells are foreign text and made fit for a terminal. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const shown = [header, ...rows.map((row) => row.map((cell) => escapeText(cell, maxCell)))];
  const widths = header.map((_, column) => Math.max(...shown.map((row) => width(row[column] ?? ''))));
  return shown.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - width(cell)),
      )
      .join('  ')
      .trimEnd(),
  );
}

function width(text: string): number {
  return [...text].length;
}

const colours: Readonly<Record<ShownState, number>> = {
  reproducible: 32,
  unreproducible: 33,
  failure: 31,
  retry: 35,
  running: 34,
  pending: 90,
};

/** A state's word, in its colour where there are colours. */
export function paint(terminal: Terminal, state: ShownState, text: string = state): string {
  return terminal.colour ? `\u001b[${colours[state]}m${text}\u001b[0m` : text;
}
