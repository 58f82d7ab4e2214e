import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import { spawnProgram } from '../../lib/daemon/program.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import { newestEntry } from '../../lib/domain/changelog.ts';
import { isMadeBy } from '../../lib/evidence/expected.ts';
import { NetError } from '../../lib/net/errors.ts';
import type { OpenSuite } from '../debian/evidence.ts';
import { asJobFailure } from '../failures.ts';
import type { Wanted } from '../kept.ts';
import type { Parts } from '../parts.ts';

const maxDebs = 5;
const maxDebBytes = 2 ** 32;
const maxPackedChangelog = 1_048_576;
const maxChangelog = 8 * 1_048_576;

/**
 * The changelog entry that a binary-only rebuild was made with, out of the smallest .deb of that build. The .deb is
 * official: it is read here, where the net is, and neither kept nor handed on; only the entry is.
 *
 * @throws JobFailure `buildinfo-missing` where the mirror refuses them or none holds the entry
 */
export async function binNmuEntry(
  build: BuildSpec,
  suites: readonly OpenSuite[],
  uriOf: (archive: string) => string,
  parts: Parts,
  signal: AbortSignal,
): Promise<string> {
  const debs = suites
    .flatMap(({ archive, packages }) =>
      packages
        .flatMap((lookup) => lookup.ofSource(build.source, build.sourceVersion))
        .filter((entry) => isMadeBy(entry, build))
        .map(({ sha256, size, path }) => ({ sha256, size, uri: `${uriOf(archive)}/${path}` })),
    )
    .sort((a, b) => a.size - b.size);
  const refused: string[] = [];
  for (const deb of debs.slice(0, maxDebs)) {
    try {
      const entry = await entryOf(deb, build, parts, signal);
      if (entry !== undefined) return entry;
    } catch (error) {
      if (!(error instanceof NetError) || !['not-found', 'refused'].includes(error.code))
        throw asJobFailure(error);
      refused.push(error.message);
    }
  }
  const why = refused[0] ?? 'none of its packages holds its changelog entry';
  throw new JobFailure(
    'buildinfo-missing',
    `${build.source} ${build.version} is a binary-only rebuild whose changelog entry cannot be had: ${why}`,
  );
}

/** Entries are kept by the hash of the .deb that they came from. */
async function entryOf(
  deb: Wanted,
  build: BuildSpec,
  parts: Parts,
  signal: AbortSignal,
): Promise<string | undefined> {
  const folder = join(parts.cacheFolder, 'entries');
  const kept = join(folder, deb.sha256);
  const changelog = await readFile(kept, 'utf8').catch(() => undefined);
  if (changelog !== undefined) return matching(changelog, build);
  const work = await mkdtemp(join(tmpdir(), 'package-rebuilder-deb-'));
  try {
    const file = join(work, 'official.deb');
    const { sha256, size, uri } = deb;
    await parts.downloads.toFile(uri, file, { max: maxDebBytes, expected: { sha256, size }, signal });
    const entry = matching(await readChangelog(file, build.architecture), build);
    if (entry === undefined) return undefined;
    await mkdir(folder, { recursive: true });
    const temporary = join(folder, `${deb.sha256}.${process.pid}.tmp`);
    await writeFile(temporary, entry);
    await rename(temporary, kept);
    return entry;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function matching(changelog: string, build: BuildSpec): string | undefined {
  const entry = newestEntry(changelog);
  return entry?.source === build.source && entry.version === build.version ? entry.text : undefined;
}

/** debhelper puts a binNMU's entry apart: `changelog.ARCH.gz` of a native package, `changelog.Debian.ARCH.gz` else. */
async function readChangelog(deb: string, architecture: string): Promise<string> {
  const names = [`changelog.${architecture}.gz`, `changelog.Debian.${architecture}.gz`];
  const patterns = names.map((name) => `./usr/share/doc/*/${name}`);
  const unpack = spawnProgram('dpkg-deb', ['--fsys-tarfile', deb], { stdio: ['ignore', 'pipe', 'ignore'] });
  const list = spawnProgram('tar', ['--extract', '--to-stdout', '--file=-', '--wildcards', ...patterns], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  try {
    const feeding = pipeline(unpack.stdout, list.stdin).catch(() => {});
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of list.stdout as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxPackedChangelog) return '';
      chunks.push(chunk);
    }
    await feeding;
    return unpacked(Buffer.concat(chunks));
  } finally {
    unpack.kill('SIGKILL');
    list.kill('SIGKILL');
  }
}

function unpacked(bytes: Buffer): string {
  try {
    return bytes.length === 0 ? '' : gunzipSync(bytes, { maxOutputLength: maxChangelog }).toString('utf8');
  } catch {
    return '';
  }
}
