import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDeb822 } from '../../lib/archive/deb822.ts';
import { ArchiveError } from '../../lib/archive/errors.ts';

/** One suite of one archive, as a sources.list(5) line or a stanza of a .sources file names it. */
export type AptSource = Readonly<{
  /** The archive's root, without a slash at the end. */
  uri: string;
  suite: string;
  components: readonly string[];
  /** Empty: whatever is asked for. */
  architectures: readonly string[];
  /** Keyring files, fingerprints, or an armored key; null: whatever apt trusts by itself. */
  signedBy: SignedBy | null;
  trusted: boolean;
  /** null: as configured for all. */
  checkValidUntil: boolean | null;
  checkDate: boolean | null;
  byHash: boolean;
}>;

export type SignedBy = Readonly<{
  files: readonly string[];
  fingerprints: readonly string[];
  armored: string | null;
}>;

const maxFileBytes = 4 * 1_048_576;

/**
 * Every enabled `deb` source of the host, in apt's order. Files that cannot be read as sources are left out and told
 * by `onSkipped`, as apt itself would refuse them when it is used.
 */
export async function readAptSources(
  paths: Readonly<{ sourceList: string; sourceParts: string }>,
  architecture: string,
  onSkipped: (file: string, why: string) => void,
): Promise<readonly AptSource[]> {
  const names = (await readdir(paths.sourceParts).catch(() => [])).sort();
  const files = [
    paths.sourceList,
    ...names
      .filter((name) => /^[A-Za-z0-9_.-]+\.(?:list|sources)$/.test(name))
      .map((name) => join(paths.sourceParts, name)),
  ];
  const sources: AptSource[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text === '' || text.length > maxFileBytes) continue;
    try {
      sources.push(...(file.endsWith('.sources') ? parseSourcesFile(text) : parseSourceLines(text)));
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      onSkipped(file, error.message);
    }
  }
  return await Promise.all(sources.map((source) => resolved(source, architecture)));
}

/** The `deb` lines of a text in one-line style; comments and `deb-src` lines are left out. */
export function parseSourceLines(text: string): readonly AptSource[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => /^deb\s/.test(line))
    .map(parseSourceLine);
}

/** @throws ArchiveError `malformed` */
export function parseSourceLine(line: string): AptSource {
  const match = /^deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)((?:\s+\S+)*)\s*$/.exec(line);
  if (match === null)
    throw new ArchiveError('malformed', `not a source: ${JSON.stringify(line.slice(0, 120))}`);
  const options = new Map<string, string>();
  for (const option of (match[1] ?? '').split(/\s+/).filter((word) => word !== '')) {
    const parts = /^([a-z-]+)[+-]?=(.*)$/i.exec(option);
    if (parts === null)
      throw new ArchiveError('malformed', `not an option: ${JSON.stringify(option.slice(0, 60))}`);
    options.set((parts[1] as string).toLowerCase(), parts[2] as string);
  }
  return sourceOf(match[2] as string, match[3] as string, words(match[4] ?? ''), options);
}

const fieldOptions: Readonly<Record<string, string>> = {
  architectures: 'arch',
  'signed-by': 'signed-by',
  trusted: 'trusted',
  'check-valid-until': 'check-valid-until',
  'check-date': 'check-date',
  'by-hash': 'by-hash',
};

/** A file in deb822 style: every combination of its URIs and suites. @throws ArchiveError `malformed` */
export function parseSourcesFile(text: string): readonly AptSource[] {
  const sources: AptSource[] = [];
  for (const stanza of parseDeb822(text)) {
    if (/^(?:no|false|off|0)$/i.test(stanza.get('enabled') ?? '')) continue;
    if (!words(stanza.get('types') ?? '').includes('deb')) continue;
    const options = new Map<string, string>();
    for (const [field, option] of Object.entries(fieldOptions)) {
      const value = stanza.get(field);
      if (value !== undefined) options.set(option, option === 'signed-by' ? value : words(value).join(','));
    }
    // The first URI serves; apt's others are the same archive elsewhere.
    const [uri] = words(stanza.get('uris') ?? '');
    const suites = words(stanza.get('suites') ?? '');
    if (uri === undefined || suites.length === 0) {
      throw new ArchiveError('malformed', 'a stanza has no URIs or no Suites');
    }
    for (const suite of suites) {
      sources.push(sourceOf(uri, suite, words(stanza.get('components') ?? ''), options));
    }
  }
  return sources;
}

/** @throws ArchiveError `malformed` */
function sourceOf(
  uri: string,
  suite: string,
  components: readonly string[],
  options: ReadonlyMap<string, string>,
): AptSource {
  const root = uri.replace(/\/+$/, '');
  if (root === '') throw new ArchiveError('malformed', `not the URI of an archive: ${JSON.stringify(uri)}`);
  return {
    uri: root,
    suite: suite.replace(/\/+$/, (slashes) => (components.length === 0 ? slashes : '')),
    components,
    architectures: (options.get('arch') ?? '').split(',').filter((name) => name !== ''),
    signedBy: signedByOf(options.get('signed-by')),
    trusted: yesNo(options.get('trusted')) ?? false,
    checkValidUntil: yesNo(options.get('check-valid-until')),
    checkDate: yesNo(options.get('check-date')),
    byHash: yesNo(options.get('by-hash')) ?? true,
  };
}

/** sources.list(5), Signed-By: paths or fingerprints, or a key block in which ` .` is an empty line. */
function signedByOf(value: string | undefined): SignedBy | null {
  if (value === undefined || value.trim() === '') return null;
  if (value.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')) {
    const lines = value.split('\n').map((line) => line.trim());
    return {
      files: [],
      fingerprints: [],
      armored: `${lines.map((line) => (line === '.' ? '' : line)).join('\n')}\n`,
    };
  }
  const items = value.split(/[\s,]+/).filter((item) => item !== '');
  return {
    files: items.filter((item) => item.startsWith('/')),
    fingerprints: items.filter((item) => /^[0-9A-Fa-f]{16,}!?$/.test(item)),
    armored: null,
  };
}

function yesNo(value: string | undefined): boolean | null {
  if (value === undefined) return null;
  if (/^(?:no|false|without|off|disable|0)$/i.test(value)) return false;
  return /^(?:yes|true|with|on|enable|1|force)$/i.test(value) ? true : null;
}

/** `$(ARCH)` filled in, and the first mirror of a mirror list in a file (as cloud images have it). */
async function resolved(source: AptSource, architecture: string): Promise<AptSource> {
  const fill = (text: string) => text.replaceAll('$(ARCH)', architecture);
  const listed = /^mirror\+file:(?:\/\/)?(\/.+)$/.exec(source.uri)?.[1];
  const lines = listed === undefined ? '' : await readFile(listed, 'utf8').catch(() => '');
  const first = lines
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[0] ?? '')
    .find((uri) => /^(?:https?|file|copy):/.test(uri));
  return { ...source, uri: fill(first ?? source.uri).replace(/\/+$/, ''), suite: fill(source.suite) };
}

function words(value: string): readonly string[] {
  return value.split(/\s+/).filter((word) => word !== '');
}
