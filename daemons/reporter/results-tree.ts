import type { PublicationEntry } from '../lib/contracts/documents/publication.ts';
import type { ResultRow } from '../lib/contracts/documents/views.ts';
import { type Dist, parseDist, publishedFolder } from '../lib/domain/dist.ts';
import { metadataPath } from '../lib/domain/link.ts';
import { type BinaryName, type DebVersion, withoutEpoch } from '../lib/domain/names.ts';
import type { FileVerdict, ShownState } from '../lib/domain/verdict.ts';
import { shownTime } from './shown-time.ts';

/** A result beside its parsed dist. */
export type Result = Readonly<{ row: ResultRow; dist: Dist }>;

/** One build in `<project>.json`: upstream's members, then ours. Paths are rooted at `/<project>/`. */
export interface ResultRecord {
  readonly name: string;
  readonly epoch: string | null;
  /** Without the epoch, as upstream has it. */
  readonly version: string;
  readonly arch: string;
  readonly distribution: string;
  readonly status: ShownState;
  readonly metadata: Readonly<{ reproducible: string | null; unreproducible: string | null }> | null;
  readonly log: string | null;
  readonly diffoscope: string | null;
  readonly buildinfos: Readonly<{ old: string | null; new: string | null }>;
  readonly files: Readonly<{ reproducible: readonly string[]; unreproducible: readonly string[] }>;
  readonly badge: string;
  readonly build: string;
  readonly environment: 'buildinfo' | 'inferred';
  readonly code: string | null;
  /** What was signed and stays published, whatever the status says of the latest attempt. */
  readonly attested: readonly Readonly<{ verdict: string; at: string }>[];
  readonly verdicts: readonly Readonly<{
    name: string;
    officialSha256: string | null;
    rebuiltSha256: string | null;
    verdict: FileVerdict;
  }>[];
}

export type StateLists = Readonly<Partial<Record<ShownState, readonly ResultRecord[]>>>;
/** DIST → ARCH → SET → STATUS → records; the last ARCH joins the others with `+` if there are several. */
export type ResultsTree = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, StateLists>>>>>
>;

type Growing<T> = Record<string, T>;
type Sets = Growing<Partial<Record<ShownState, ResultRecord[]>>>;

/** Without a prototype: a suite may be called `constructor`. */
function emptyMap<T>(): Growing<T> {
  return Object.create(null) as Growing<T>;
}

/** The order in which upstream lists states. */
export const stateOrder = [
  'reproducible',
  'unreproducible',
  'failure',
  'retry',
  'running',
  'pending',
] as const satisfies readonly ShownState[];

const badges: Readonly<Record<ShownState, string>> = {
  reproducible: 'https://img.shields.io/badge/-success-success',
  unreproducible: 'https://img.shields.io/badge/-unreproducible-yellow',
  failure: 'https://img.shields.io/badge/-failure-red',
  retry: 'https://img.shields.io/badge/-retry-orange',
  pending: 'https://img.shields.io/badge/-pending-lightgrey',
  running: 'https://img.shields.io/badge/-running-dodgerblue',
};

/** What is published, as far as results link to it. */
export class PublishedLinks {
  readonly #paths = new Set<string>();
  readonly #merged = new Map<string, string>();

  constructor(entries: Iterable<PublicationEntry>) {
    for (const { path } of entries) {
      this.#paths.add(path);
      const merged = /^(.+)\/rebuild\.[0-9a-f]{8}\.link$/.exec(path)?.[1];
      if (merged !== undefined && !this.#merged.has(merged)) this.#merged.set(merged, path);
    }
  }

  /** The seed's merged link of a source and version, if it is published. */
  ofBuild(result: Result, kind: 'reproducible' | 'unreproducible'): string | null {
    const folder = publishedFolder(result.dist);
    const tree = kind === 'reproducible' ? `${folder}/sources` : `${folder}/unreproducible/sources`;
    return this.#merged.get(`${tree}/${result.row.source}/${withoutEpoch(result.row.version)}`) ?? null;
  }

  /** The link that apt asks for, of one binary package. */
  ofBinary(result: Result, binary: BinaryName, version: DebVersion): string | null {
    const path = metadataPath(publishedFolder(result.dist), binary, version);
    return this.#paths.has(path) ? path : null;
  }
}

/** Pairs rows with their dists; a dist that is not of the grammar is told to `onUnknown` and left out. */
export function resultsOf(rows: Iterable<ResultRow>, onUnknown: (row: ResultRow) => void): Result[] {
  const dists = new Map<string, Dist | null>();
  const results: Result[] = [];
  for (const row of rows) {
    const dist = dists.has(row.dist) ? (dists.get(row.dist) ?? null) : tryDist(row.dist);
    dists.set(row.dist, dist);
    if (dist === null) onUnknown(row);
    else results.push({ row, dist });
  }
  return results.sort(byName);
}

/** Upstream's tree of one project's results, empty lists left out as there. */
export function resultsTree(results: Iterable<Result>, links: PublishedLinks): ResultsTree {
  const tree: Growing<Growing<Sets>> = emptyMap();
  for (const result of results) {
    const { distribution, architecture } = result.dist;
    tree[distribution] ??= emptyMap();
    tree[distribution][architecture] ??= emptyMap();
    const sets = tree[distribution][architecture];
    const set = setOf(result.dist);
    sets[set] ??= {};
    sets[set][result.row.state] ??= [];
    sets[set][result.row.state]?.push(recordOf(result, links));
  }
  for (const architectures of Object.values(tree)) {
    const names = Object.keys(architectures);
    if (names.length < 2) continue;
    const joined: Sets = emptyMap();
    for (const sets of Object.values(architectures)) {
      for (const [set, lists] of Object.entries(sets)) {
        joined[set] ??= {};
        for (const state of stateOrder) {
          const list = lists[state];
          if (list !== undefined) joined[set][state] = [...(joined[set][state] ?? []), ...list];
        }
      }
    }
    architectures[names.join('+')] = joined;
  }
  return tree;
}

/** A dist of several sets is read as their union, and its rows do not say which: the joined name says so. */
export function setOf(dist: Dist): string {
  return dist.sets.includes('full') ? 'full' : dist.sets.join('+');
}

function recordOf(result: Result, links: PublishedLinks): ResultRecord {
  const { row, dist } = result;
  const rooted = (path: string | null) => (path === null ? null : `/${path}`);
  const reproducible = rooted(links.ofBuild(result, 'reproducible'));
  const unreproducible = rooted(links.ofBuild(result, 'unreproducible'));
  const named = (verdict: FileVerdict) =>
    row.files.filter((file) => file.verdict === verdict).map((file) => file.name);
  return {
    name: row.source,
    epoch: /^(\d+):/.exec(row.version)?.[1] ?? null,
    version: withoutEpoch(row.version),
    arch: dist.architecture,
    distribution: dist.distribution,
    status: row.state,
    metadata: reproducible === null && unreproducible === null ? null : { reproducible, unreproducible },
    log: null,
    diffoscope: null,
    buildinfos: { old: null, new: null },
    files: { reproducible: named('reproducible'), unreproducible: named('unreproducible') },
    badge: badges[row.state],
    build: row.build,
    environment: row.environment,
    code: row.code,
    attested: row.attested.map(({ verdict, at }) => ({ verdict, at: shownTime(at) })),
    verdicts: row.files.map(({ name, officialSha256, rebuiltSha256, verdict }) => ({
      name,
      officialSha256,
      rebuiltSha256,
      verdict,
    })),
  };
}

function tryDist(text: string): Dist | null {
  try {
    return parseDist(text);
  } catch {
    return null;
  }
}

function byName(a: Result, b: Result): number {
  const keyOf = ({ row }: Result) => [row.source, row.version, row.dist, row.build] as const;
  const [left, right] = [keyOf(a), keyOf(b)];
  const at = left.findIndex((part, index) => part !== right[index]);
  return at < 0 ? 0 : (left[at] ?? '') < (right[at] ?? '') ? -1 : 1;
}
