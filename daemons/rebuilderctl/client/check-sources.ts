import type { AptPlaces } from './apt-places.ts';
import { isBelow, local } from './convert.ts';
import { type ClientFinding, clientFinding } from './findings.ts';
import type { Machine } from './machine.ts';
import { places } from './places.ts';
import { sourcesFiles } from './rewrite-sources.ts';
import type { FileState, Root } from './root.ts';
import { maxSourcesBytes, readEntries, styleOf } from './sources.ts';

export interface SourcesReport {
  /** URIs whose packages are verified, and those whose packages are not. */
  readonly verified: readonly string[];
  readonly others: readonly string[];
  readonly findings: readonly ClientFinding[];
}

/** One archive as one of apt's sources names it. */
type Source = Readonly<{
  uri: string;
  scheme: string;
  isBinary: boolean;
  places: readonly string[];
  /** The file that names it. */
  path: string;
}>;

export interface CheckSourcesOptions {
  /** Where apt reads them. */
  readonly at?: Pick<AptPlaces, 'sourceList' | 'sourceParts'>;
  /** Files that are about to become others. */
  readonly planned?: ReadonlyMap<string, FileState | null>;
  /** Archives whose packages need no rebuilder. */
  readonly accepted?: readonly string[];
}

/** Looks for sources that the method could not serve, for ways around it, and for what passes it by. */
export async function checkSources(
  root: Root,
  { method }: Machine,
  { at = places, planned = new Map(), accepted = [] }: CheckSourcesOptions = {},
): Promise<SourcesReport> {
  const sources = await readSources(root, at, planned);
  const verified = sources.filter(({ scheme }) => scheme === 'intoto' || scheme === 'intoto+https');
  const others = sources.filter((source) => !verified.includes(source));
  const taken = new Set(verified.flatMap((source) => source.places));
  const around = others.filter((other) => other.places.some((place) => taken.has(place)));
  const aside = others.filter(
    (other) =>
      other.isBinary && !around.includes(other) && !local.test(other.uri) && !isBelow(other.uri, accepted),
  );
  const https = verified.filter(
    ({ scheme }) => scheme === 'intoto+https' && method === 'apt-transport-in-toto',
  );
  const none =
    verified.length > 0 ? [] : [clientFinding('sources-none', 'sources', 'no source is intoto://')];
  return {
    verified: urisOf(verified.filter(({ isBinary }) => isBinary)),
    others: urisOf(others.filter(({ isBinary }) => isBinary)),
    findings: [
      ...none,
      ...urisOf(https).map((uri) => clientFinding('sources-https', uri, `${uri} cannot be read`)),
      ...urisOf(around).map((uri) =>
        clientFinding('sources-unverified', uri, `${uri} offers what an intoto:// source offers, too`),
      ),
      // Where nothing is verified, that is said.
      ...(verified.length === 0 ? [] : asideOf(root, aside)),
    ],
  };
}

async function readSources(
  root: Root,
  at: Pick<AptPlaces, 'sourceList' | 'sourceParts'>,
  planned: ReadonlyMap<string, FileState | null>,
): Promise<readonly Source[]> {
  const own = at.sourceParts === places.sourceParts ? [places.ownSources] : [];
  const files = [...(await sourcesFiles(root, at)), ...own].filter((path) => path !== '/dev/null');
  const texts = await Promise.all(
    files.map((path) => (planned.has(path) ? planned.get(path) : root.read(path, maxSourcesBytes))),
  );
  return files.flatMap((path, nth) =>
    readEntries(texts[nth]?.content.toString('latin1') ?? '', styleOf(path)).flatMap(
      ({ types, uris, suites }) => uris.map(({ text }) => ({ ...sourceOf(text, types, suites), path })),
    ),
  );
}

/**
 * Places are what apt knows an archive's suite by, whatever the scheme: its name on disk (apt-pkg/deb/debmetaindex.cc,
 * GetDebReleaseIndexBy; contrib/strutl.cc, URItoFileName).
 */
function sourceOf(text: string, types: readonly string[], suites: readonly string[]): Omit<Source, 'path'> {
  const uri = text.replaceAll('"', '');
  const [, scheme = '', rest = ''] = /^([a-z+]+):\/*(.*?)\/*$/i.exec(uri) ?? [];
  const archive = rest
    .replace(/^[^/]*@/, '')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const isBinary = types.includes('deb');
  return {
    uri,
    scheme: scheme.toLowerCase(),
    isBinary,
    places: suites.map((suite) => `${archive} ${suite}`),
  };
}

function asideOf(root: Root, sources: readonly Source[]): readonly ClientFinding[] {
  const paths = new Map(sources.map(({ uri, path }) => [uri, root.shown(path)]));
  return [...paths].map(([uri, path]) =>
    clientFinding('sources-other', uri, `what comes from ${uri} is not verified (${path})`),
  );
}

function urisOf(sources: readonly Source[]): readonly string[] {
  return [...new Set(sources.map(({ uri }) => uri))];
}
