import { ArchiveError } from './errors.ts';

/** Fields by lower-cased name; a field's further lines follow the first after a newline, each with its leading blank. */
export type Stanza = ReadonlyMap<string, string>;

export type Deb822Caps = Readonly<{ bytes: number; stanzas: number; fields: number; fieldBytes: number }>;

export const deb822Caps: Deb822Caps = {
  bytes: 64 * 1_048_576,
  stanzas: 1_000_000,
  fields: 1_000,
  fieldBytes: 16 * 1_048_576,
};

/**
 * Reads deb822(5) text, stanza by stanza: comment lines are dropped, blank ones separate, values lose the blanks around
 * their first line and behind the others. Stricter than dpkg: a line that belongs to no field, or a field given twice,
 * is `malformed`, since two readers could disagree about it.
 *
 * @throws ArchiveError `malformed`, or `too-large` past a cap
 */
export function* parseDeb822(input: string | Uint8Array, caps: Deb822Caps = deb822Caps): Generator<Stanza> {
  if (input.length > caps.bytes)
    throw new ArchiveError('too-large', `more than ${caps.bytes} bytes of deb822`);
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('utf8');
  let stanza = new Map<string, string>();
  let name = '';
  let stanzas = 0;
  let lineNumber = 0;
  for (const line of linesOf(text)) {
    lineNumber += 1;
    if (line.startsWith('#')) continue;
    if (/^[ \t]*$/.test(line)) {
      if (stanza.size > 0) {
        yield stanza;
        stanza = new Map();
        name = '';
      }
      continue;
    }
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (name === '') throw malformed(lineNumber, 'a continuation line before any field');
      const value = `${stanza.get(name) ?? ''}\n${line}`;
      if (value.length > caps.fieldBytes) throw tooLarge(lineNumber, `field ${name}`);
      stanza.set(name, value);
      continue;
    }
    const colon = line.indexOf(':');
    name = line.slice(0, Math.max(colon, 0)).trimEnd().toLowerCase();
    if (colon < 1 || !/^[!-9;-~]+$/.test(name))
      throw malformed(lineNumber, 'neither a field nor a continuation');
    if (stanza.has(name)) throw malformed(lineNumber, `field ${name} given twice`);
    if (stanza.size === 0) stanzas += 1;
    if (stanzas > caps.stanzas) throw tooLarge(lineNumber, 'the number of stanzas');
    if (stanza.size >= caps.fields) throw tooLarge(lineNumber, 'the number of fields');
    if (line.length > caps.fieldBytes) throw tooLarge(lineNumber, `field ${name}`);
    stanza.set(name, line.slice(colon + 1).trim());
  }
  if (stanza.size > 0) yield stanza;
}

/** The first stanza of a text that should hold one, as a .dsc, a .buildinfo or a Release does. */
export function parseStanza(input: string | Uint8Array, caps: Deb822Caps = deb822Caps): Stanza {
  const [first, second] = parseDeb822(input, { ...caps, stanzas: 2 });
  if (first === undefined) throw new ArchiveError('malformed', 'no fields at all');
  if (second !== undefined) throw new ArchiveError('malformed', 'more than one stanza');
  return first;
}

/** The lines of a field's value, each without blanks around it; empty ones are left out. */
export function fieldLines(value: string | undefined): readonly string[] {
  return (value ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    yield text.slice(start, end).trimEnd();
    start = end + 1;
  }
}

function malformed(line: number, say: string): ArchiveError {
  return new ArchiveError('malformed', `line ${line}: ${say}`);
}

function tooLarge(line: number, what: string): ArchiveError {
  return new ArchiveError('too-large', `line ${line}: ${what} passes its cap`);
}
