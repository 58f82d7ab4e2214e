import { escapeText } from '../../lib/daemon/escape-text.ts';

/**
 * Messages of apt's method interface: a line `NNN Text`, lines `Name: value`, a blank line. As apt reads and writes them
 * (apt-pkg/contrib/strutl.cc `ReadMessages`, `LookupTag`; apt-pkg/acquire-method.cc `SendMessage`; "APT Method
 * Interface" of libapt-pkg-doc). Their texts hold one character a byte, so that a path comes back as it was.
 */

export const codes = {
  log: 101,
  status: 102,
  redirect: 103,
  warning: 104,
  uriDone: 201,
  uriFailure: 400,
  generalFailure: 401,
  uriAcquire: 600,
  configuration: 601,
  /** Between this method's own two parts: what to judge by. */
  trust: 700,
} as const;

export type Field = readonly [name: string, value: string];
export type Message = Readonly<{ code: number; fields: readonly Field[] }>;
/** A message, and the bytes that it came as. */
export type ReceivedMessage = Message & Readonly<{ raw: Buffer }>;

/** The longest are a machine's configuration, 13 kB here, and a layout in base64. */
export const maxMessageBytes = 32 * 1_048_576;
export const maxFields = 100_000;
const maxShown = 80;

/** What came is no message. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
  constructor(
    readonly code: 'malformed' | 'too-large' | 'truncated',
    message: string,
  ) {
    super(message);
  }
}

/**
 * The messages of a stream, in order.
 *
 * @param sender whom an error names
 * @throws MessageError
 */
export async function* readMessages(
  untrusted: AsyncIterable<Buffer>,
  sender: string,
): AsyncGenerator<ReceivedMessage> {
  let held = '';
  for await (const chunk of untrusted) {
    // The end of a message may have begun in what is held.
    let from = Math.max(0, held.length - 2);
    held += chunk.toString('latin1');
    for (;;) {
      const blank = blankLine(held, from);
      if (blank === undefined) break;
      const text = held.slice(0, blank.at).replace(/^[\r\n]+/, '');
      const raw = Buffer.from(`${text}\n\n`, 'latin1');
      held = held.slice(blank.at + blank.length);
      from = 0;
      // apt skips blank lines between messages.
      if (text !== '') yield { ...parseMessage(text, sender), raw };
    }
    if (held.length > maxMessageBytes) {
      throw new MessageError('too-large', `${sender} sent a message of more than ${maxMessageBytes} bytes`);
    }
  }
  if (held.trim() !== '') throw new MessageError('truncated', `${sender} ended in the middle of a message`);
}

function blankLine(text: string, from: number): { at: number; length: number } | undefined {
  const plain = text.indexOf('\n\n', from);
  const withReturn = text.indexOf('\n\r\n', from);
  if (withReturn >= 0 && (plain < 0 || withReturn < plain)) return { at: withReturn, length: 3 };
  return plain < 0 ? undefined : { at: plain, length: 2 };
}

/** One message without its blank line. */
function parseMessage(untrusted: string, sender: string): Message {
  const [head = '', ...lines] = untrusted.split('\n').map((line) => line.replace(/\r$/, ''));
  const malformed = (what: string, found: string) =>
    new MessageError('malformed', `${sender} sent "${shown(found)}": expected ${what}`);
  const code = /^(\d{3})(?:\s|$)/.exec(head)?.[1];
  if (code === undefined) throw malformed('a status code of three digits', head);
  if (lines.length > maxFields) {
    throw new MessageError('too-large', `${sender} sent a message of more than ${maxFields} lines`);
  }
  const fields: [string, string][] = [];
  for (const line of lines) {
    const last = fields.at(-1);
    const colon = line.indexOf(':');
    if (line.startsWith(' ') && last !== undefined) last[1] += `\n${line.slice(1)}`;
    else if (colon > 0 && !line.startsWith(' '))
      fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
    else throw malformed('a line "Name: value"', line);
  }
  return { code: Number(code), fields };
}

/** The first field of that name, in any case; undefined if there is none, or an empty one. */
export function fieldOf(message: Message, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return message.fields.find(([found]) => found.toLowerCase() === wanted)?.[1] || undefined;
}

/** Whether it is the last word about a URI. */
export function isFinal({ code }: Message): boolean {
  return code === codes.uriDone || code === codes.uriFailure;
}

const texts: Readonly<Record<number, string>> = {
  [codes.log]: 'Log',
  [codes.status]: 'Status',
  [codes.warning]: 'Warning',
  [codes.uriFailure]: 'URI Failure',
  [codes.generalFailure]: 'General Failure',
};

/** A message of ours about a URI, or, without one, about the method; what it says is made one line. */
export function formatMessage(
  code: 101 | 102 | 104 | 400 | 401,
  say: string,
  uri: string | undefined = undefined,
): Buffer {
  const about = uri === undefined ? '' : `URI: ${uri}\n`;
  return Buffer.concat([
    Buffer.from(`${code} ${texts[code]}\n${about}Message: `, 'latin1'),
    Buffer.from(`${oneLine(say)}\n\n`, 'utf8'),
  ]);
}

const maxSaid = 4_000;

/** Backslashes stay as they are: what a text quotes is escaped already. */
export function oneLine(say: string): string {
  return say
    .slice(0, maxSaid)
    .split('\\')
    .map((part) => escapeText(part, maxSaid))
    .join('\\');
}

/** Bytes of a message as people read them, cut. */
export function shown(value: string): string {
  return escapeText(utf8Of(value), maxShown);
}

/** The text that a field's bytes stand for. */
export function utf8Of(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8');
}

/** The text that apt has quoted by `%xx`, a byte each (apt-pkg/contrib/strutl.cc `DeQuoteString`). */
export function unquoted(value: string): string {
  return utf8Of(
    value.replaceAll(/%([0-9a-fA-F]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    ),
  );
}
