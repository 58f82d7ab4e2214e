import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** A source of `samples/rebuildable.md` with what is known of each of its files. */
export type Rebuildable = Readonly<{
  source: string;
  version: string;
  suite: string;
  parts: readonly ('any' | 'all')[];
  /** Pool name of each listed file: its official sha256 and whether a rebuild is identical. */
  files: ReadonlyMap<string, Readonly<{ sha256: string; identical: boolean }>>;
  /** Its buildinfos, one a part. */
  buildinfos: readonly string[];
  /** Reproduces only with its buildinfo. */
  needsBuildinfo: boolean;
}>;

export const samples = resolve(import.meta.dirname, '../../../shared/samples');

/** The packages of the samples' list; empty where the samples are not beside the checkout. */
export function readRebuildable(): readonly Rebuildable[] {
  const path = `${samples}/rebuildable.md`;
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  const hashes = lines.flatMap((line) => {
    const [, sha256, name, word] = /^([0-9a-f]{64}) {2}(\S+) {2}(same|differs)$/.exec(line) ?? [];
    return sha256 && name
      ? [{ sha256, file: `${name.replace(/_\d+:/, '_')}.deb`, identical: word === 'same' }]
      : [];
  });
  const rows = lines.flatMap((line) => {
    const row = /^\| (\S+) \| (\d\S*) \| (\S+) \| (any|all) \| \d+\/\d+ \|/.exec(line);
    return row
      ? [{ source: row[1] ?? '', version: row[2] ?? '', suite: row[3] ?? '', part: row[4], line }]
      : [];
  });
  const known = readdirSync(`${samples}/buildinfos`);
  return [...new Set(rows.map((row) => row.source))].map((source) => {
    const own = rows.filter((row) => row.source === source);
    const buildinfos = known
      .filter((name) => name.startsWith(`${source}_`))
      .map((name) => `${samples}/buildinfos/${name}`);
    const built = new Set(
      buildinfos.flatMap((file) => readFileSync(file, 'utf8').match(/\S+\.deb$/gm) ?? []),
    );
    return {
      source,
      version: own[0]?.version ?? '',
      suite: own[0]?.suite ?? '',
      parts: own.map((row) => row.part as 'any' | 'all'),
      files: new Map(hashes.filter((hash) => built.has(hash.file)).map(({ file, ...rest }) => [file, rest])),
      buildinfos,
      needsBuildinfo: own.some((row) => row.line.includes('use its buildinfo')),
    };
  });
}
