import { join } from 'node:path';
import { CommandError } from '../errors.ts';
import type { AptPlaces } from './apt-places.ts';
import { convertSources, isBelow, type Left } from './convert.ts';
import { canHttps, type Machine } from './machine.ts';
import type { Manifest } from './manifest.ts';
import { isSourcesName, places } from './places.ts';
import { fileMode, type Wanted } from './plan.ts';
import type { Root } from './root.ts';
import { maxSourcesBytes, readEntries, styleOf } from './sources.ts';

export interface SourcesOptions {
  /** Lines to write. */
  readonly source?: readonly string[] | undefined;
  /** Archives to convert; true: all. */
  readonly convert?: readonly string[] | true | undefined;
}

export type LeftSource = Left & Readonly<{ path: string }>;
export type Rewritten = Readonly<{ wanted: readonly Wanted[]; left: readonly LeftSource[] }>;

/**
 * apt's sources as they shall be. What was converted before is converted again from what it was first.
 *
 * @throws CommandError for a line that is no source of ours, or an archive that no source names
 */
export async function rewriteSources(
  root: Root,
  machine: Machine,
  previous: Manifest | undefined,
  { source, convert }: SourcesOptions,
): Promise<Rewritten> {
  const given = source === undefined ? [] : [ownSources(source, machine)];
  if (convert === undefined) return { wanted: given, left: [] };
  const options = { https: canHttps(machine), only: convert === true ? [] : convert };
  const wanted: Wanted[] = [...given];
  const left: LeftSource[] = [];
  const found: string[] = [];
  for (const path of await sourcesFiles(root, places)) {
    const entry = previous?.entries.find((one) => one.path === path);
    const original = entry === undefined ? await root.read(path, maxSourcesBytes) : entry.original;
    if (!original) continue;
    const text = original.content.toString('latin1');
    const converted = convertSources(text, styleOf(path), options);
    found.push(...converted.from);
    left.push(...converted.left.map((one) => ({ ...one, path })));
    if (converted.from.length === 0 && entry === undefined) continue;
    const content = Buffer.from(converted.text, 'latin1');
    wanted.push({ path, after: () => ({ content, mode: original.mode }) });
  }
  refuseUnknown(options.only, [...found, ...left.map(({ uri }) => uri)]);
  return { wanted, left };
}

/** Every file of sources that apt reads there, but for the one that is ours. */
export async function sourcesFiles(
  root: Root,
  { sourceList, sourceParts }: Pick<AptPlaces, 'sourceList' | 'sourceParts'>,
): Promise<readonly string[]> {
  const names = (await root.names(sourceParts)).filter(isSourcesName);
  return [sourceList, ...names.map((name) => join(sourceParts, name))].filter(
    (path) => path !== places.ownSources,
  );
}

function ownSources(lines: readonly string[], machine: Machine): Wanted {
  for (const line of lines) refuseLine(line, machine);
  const text = `# Written by rebuilderctl client install, and taken away by rebuilderctl client remove.\n${lines.join('\n')}\n`;
  const state = { content: Buffer.from(text), mode: fileMode };
  return { path: places.ownSources, after: () => state };
}

function refuseLine(line: string, machine: Machine): void {
  const [entry] = line.includes('\n') ? [] : readEntries(line, 'one-line');
  const scheme = /^(intoto(?:\+https)?):\/\//.exec(entry?.uris[0]?.text ?? '')?.[1];
  const where = `--source ${JSON.stringify(line.slice(0, 200))}`;
  if (scheme === undefined) {
    throw new CommandError(`${where}: expected deb intoto://HOST/PATH SUITE COMPONENT...`);
  }
  if (scheme === 'intoto' || canHttps(machine)) return;
  throw new CommandError(
    `${where}: apt-transport-in-toto speaks only http to an archive`,
    'Name a mirror that serves http (intoto://), or install package-rebuilder-client in its place.',
  );
}

function refuseUnknown(only: readonly string[], known: readonly string[]): void {
  for (const one of only) {
    if (known.some((uri) => isBelow(uri, [one]))) continue;
    throw new CommandError(
      `--convert ${one}: no source names that archive`,
      'Without a URI all are converted; without --apply it is only shown.',
    );
  }
}
