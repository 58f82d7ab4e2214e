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
type Source = Readonly<{ uri: string; scheme: string; isBinary: boolean; places: readonly string[] }>;

/**
 * Looks for sources that the method could not serve, and for ways around it.
 *
 * @param planned files that are about to become others
 */
export async function checkSources(
  root: Root,
  { method }: Machine,
  planned: ReadonlyMap<string, FileState | null> = new Map(),
): Promise<SourcesReport> {
  const sources = await readSources(root, planned);
  const verified = sources.filter(({ scheme }) => scheme === 'intoto' || scheme === 'intoto+https');
  const others = sources.filter((source) => !verified.includes(source));
  const taken = new Set(verified.flatMap((source) => source.places));
  const around = others.filter((other) => other.places.some((place) => taken.has(place)));
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
    ],
  };
}

async function readSources(
  root: Root,
  planned: ReadonlyMap<string, FileState | null>,
): Promise<readonly Source[]> {
  const files = [...(await sourcesFiles(root)), places.ownSources];
  const texts = await Promise.all(
    files.map((path) => (planned.has(path) ? planned.get(path) : root.read(path, maxSourcesBytes))),
  );
  return files.flatMap((path, at) =>
    readEntries(texts[at]?.content.toString('latin1') ?? '', styleOf(path)).flatMap(
      ({ types, uris, suites }) => uris.map(({ text }) => sourceOf(text, types, suites)),
    ),
  );
}

/**
 * Places are what apt knows an archive's suite by, whatever the scheme: its name on disk (apt-pkg/deb/debmetaindex.cc,
 * GetDebReleaseIndexBy; contrib/strutl.cc, URItoFileName).
 */
function sourceOf(text: string, types: readonly string[], suites: readonly string[]): Source {
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

function urisOf(sources: readonly Source[]): readonly string[] {
  return [...new Set(sources.map(({ uri }) => uri))];
}
