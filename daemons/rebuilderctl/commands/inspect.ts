import type { Command } from 'commander';
import { readBuildinfo } from '../../lib/archive/buildinfo-file.ts';
import { parseLayout } from '../../lib/domain/layout.ts';
import { parseLink } from '../../lib/domain/link.ts';
import { maxMetablockBytes, parseMetablock } from '../../lib/domain/metablock.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { readCapped } from '../read-file.ts';
import { escapeLog } from '../terminal.ts';

/** What a file is and holds; `signedBy` are claims: nothing is verified here. */
export type Inspected = Readonly<{
  kind: 'buildinfo' | 'link' | 'layout';
  signedBy: readonly string[] | null;
}> &
  Readonly<Record<string, unknown>>;

export function addInspect(program: Command, context: Context): void {
  program
    .command('inspect')
    .description('show what a buildinfo, a link or a layout says; signatures are listed, not verified')
    .argument('<FILE>')
    .option('--json', 'one object')
    .action(async (path: string, options: { json?: true }) => {
      const { terminal } = context;
      const inspected = inspectFile(path, await readCapped(path, maxMetablockBytes));
      if (options.json) terminal.json(inspected);
      else for (const line of outline(inspected)) terminal.print(escapeLog(line));
    });
}

/** Tells the kind by content: JSON is an in-toto document, anything else a buildinfo. */
export function inspectFile(path: string, bytes: Buffer): Inspected {
  try {
    return inspectText(bytes.toString('utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(
      `${path}: ${reason}`,
      'It should be a .buildinfo, an in-toto link or an in-toto layout.',
      undefined,
      { cause: error },
    );
  }
}

function inspectText(text: string): Inspected {
  if (!text.trimStart().startsWith('{')) {
    return { kind: 'buildinfo', signedBy: null, ...readBuildinfo(text) };
  }
  const { signatures, untrusted } = parseMetablock(text);
  const signedBy = signatures.map(({ keyid }) => keyid);
  return untrusted._type === 'layout'
    ? { kind: 'layout', signedBy, ...parseLayout(untrusted) }
    : { kind: 'link', signedBy, ...parseLink(untrusted) };
}

/** Members as an indented outline; texts stay on one line each. */
export function outline(value: unknown, depth = 0): string[] {
  const indent = '  '.repeat(depth);
  if (!isContainer(value)) return [`${indent}${scalar(value)}`];
  return Object.entries(value).flatMap(([name, member]) => {
    const label = Array.isArray(value) ? '-' : `${JSON.stringify(name).slice(1, -1)}:`;
    if (!isContainer(member)) return [`${indent}${label} ${scalar(member)}`];
    if (isShort(member)) return [`${indent}${label} ${member.map(scalar).join(' ') || 'none'}`];
    return [`${indent}${label}`, ...outline(member, depth + 1)];
  });
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isShort(value: object): value is readonly unknown[] {
  return Array.isArray(value) && value.every((item) => !isContainer(item)) && value.length <= 8;
}

function scalar(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value !== 'string') return String(value);
  return /^[\x21-\x7e][\x20-\x7e]*$/.test(value) ? value : JSON.stringify(value);
}
