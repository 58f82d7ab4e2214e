import { type ClientFinding, clientFinding } from './findings.ts';
import type { Machine } from './machine.ts';
import { places } from './places.ts';
import { sourcesFiles } from './rewrite-sources.ts';
import type { Root } from './root.ts';
import { maxSourcesBytes, readEntries, styleOf } from './sources.ts';

export interface SourcesReport {
  /** URIs whose packages are verified, and those whose packages are not. */
  readonly verified: readonly string[];
  readonly others: readonly string[];
  readonly findings: readonly ClientFinding[];
}

/** One archive's suite as one of apt's sources names it. */
type Source = Readonly<{ uri: string; scheme: string; archive: string; suites: readonly string[] }>;

/** Looks for sources that the method could not serve, and for ways around it. */
export async function checkSources(root: Root, { method }: Machine): Promise<SourcesReport> {
  const sources = await readSources(root);
  const verified = sources.filter(({ scheme }) => scheme === 'intoto' || scheme === 'intoto+https');
  const others = sources.filter((source) => !verified.includes(source));
  const around = others.filter((other) =>
    verified.some(
      ({ archive, suites }) =>
        archive === other.archive && suites.some((suite) => other.suites.includes(suite)),
    ),
  );
  const https = verified.filter(
    ({ scheme }) => scheme === 'intoto+https' && method === 'apt-transport-in-toto',
  );
  const none =
    verified.length > 0 ? [] : [clientFinding('sources-none', 'sources', 'no source is intoto://')];
  return {
    verified: urisOf(verified),
    others: urisOf(others),
    findings: [
      ...none,
      ...urisOf(https).map((uri) => clientFinding('sources-https', uri, `${uri} cannot be read`)),
      ...urisOf(around).map((uri) =>
        clientFinding('sources-unverified', uri, `${uri} offers what an intoto:// source offers, too`),
      ),
    ],
  };
}

async function readSources(root: Root): Promise<readonly Source[]> {
  const files = [...(await sourcesFiles(root)), places.ownSources];
  const texts = await Promise.all(files.map((path) => root.read(path, maxSourcesBytes)));
  return files.flatMap((path, at) =>
    readEntries(texts[at]?.content.toString('latin1') ?? '', styleOf(path))
      .filter(({ types }) => types.includes('deb'))
      .flatMap(({ uris, suites }) =>
        uris.map(({ text }) => {
          const uri = text.replaceAll('"', '');
          const [, scheme = '', archive = ''] = /^([a-z+]+):\/*(.*?)\/*$/i.exec(uri) ?? [];
          return { uri, scheme: scheme.toLowerCase(), archive, suites };
        }),
      ),
  );
}

function urisOf(sources: readonly Source[]): readonly string[] {
  return [...new Set(sources.map(({ uri }) => uri))];
}
