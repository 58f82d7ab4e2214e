import {
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Keyring, prepareKeyrings } from '../../lib/archive/keyring.ts';
import type { Evidence } from '../../lib/contracts/documents/feed.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import { ProgramError, run } from '../../lib/daemon/program.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import { type PackageId, parseSimulation, type Simulation, unmetDependencies } from './apt-answers.ts';

/**
 * The folders of a scratch apt. A root never moves, since apt's caches hold its paths: a symbolic link named after the
 * indexes points to it once it is whole.
 */

/** How a release of the evidence is trusted by apt. */
export type ReleaseTrust = Readonly<{ keyrings: readonly Keyring[]; trusted: boolean }>;

export interface ScratchOptions {
  /** Where roots are kept, one for each set of indexes. */
  readonly folder: string;
  readonly architecture: string;
  readonly evidence: Evidence;
  readonly clock: Clock;
  /** Where the object is kept; it is there. */
  pathOf(object: Sha256): string;
  trustOf(release: Evidence['releases'][number]): ReleaseTrust;
  readonly signal: AbortSignal;
}

const keptRoots = 3;
/** A root that nothing points to may be another process's, in the making. */
const makingMs = 3_600_000;
const timeoutMs = 600_000;
const maxOutput = 64 * 1_048_576;
/** What `mmdebstrap --variant=buildd` installs beyond the essential packages. */
const beyondEssential = ['apt', 'build-essential', '?and(?priority(required),?not(?essential))'];

export async function keptRoot(
  name: string,
): Promise<{ root: string; base: readonly PackageId[] } | undefined> {
  try {
    const root = join(dirname(name), basename(await readlink(name)));
    return { root, base: JSON.parse(await readFile(join(root, 'base.json'), 'utf8')) };
  } catch {
    return undefined;
  }
}

export async function pointTo(name: string, root: string): Promise<void> {
  const temporary = `${root}.link`;
  await symlink(basename(root), temporary);
  await rename(temporary, name);
}

/** Makes a root: apt reads the indexes, then says what the base of every environment is. */
export async function makeRoot(root: string, options: ScratchOptions): Promise<readonly PackageId[]> {
  const { signal } = options;
  for (const folder of ['lists/partial', 'cache/archives/partial', 'empty/apt.conf.d', 'keys', 'archives']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  const lines: string[] = [];
  for (const [index, release] of options.evidence.releases.entries()) {
    lines.push(await addArchive(root, String(index), release, options));
  }
  await writeFile(join(root, 'sources.list'), lines.join(''));
  await writeFile(join(root, 'status'), '');
  await writeFile(join(root, 'apt.conf'), configuration(root, options.architecture));
  await apt(root, 'status', 'apt-get', ['--quiet', 'update'], signal);
  const essential = (await simulate(root, 'status', ['install', '?essential'], signal)).install;
  await writeStatus(root, 'status.essential', essential, signal);
  const more = (await simulate(root, 'status.essential', ['install', ...beyondEssential], signal)).install;
  const base = new Map([...essential, ...more].map((id) => [id.package, id]));
  await writeStatus(root, 'status.base', [...base.values()], signal);
  await rm(join(root, 'archives'), { recursive: true });
  await writeFile(join(root, 'base.json'), JSON.stringify([...base.values()]));
  return [...base.values()];
}

/** @throws JobFailure `dependency-missing` where apt cannot do it */
export async function simulate(
  root: string,
  status: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<Simulation> {
  try {
    return parseSimulation(await apt(root, status, 'apt-get', ['--simulate', ...command], signal));
  } catch (error) {
    if (!(error instanceof ProgramError) || error.code !== 'failed') throw error;
    const say = `the build dependencies cannot be had: ${unmetDependencies(error)}`;
    throw new JobFailure('dependency-missing', say, { cause: error });
  }
}

/** Forgets the roots that were used least lately. */
export async function prune(folder: string, clock: Clock): Promise<void> {
  const names = await readdir(folder);
  const entries = await Promise.all(
    names.map(async (name) => ({ name, found: await lstat(join(folder, name)).catch(() => undefined) })),
  );
  const links = entries
    .filter(({ found }) => found?.isSymbolicLink())
    .sort((a, b) => (b.found?.mtimeMs ?? 0) - (a.found?.mtimeMs ?? 0))
    .map(({ name }) => name);
  const kept = new Set<string>();
  for (const name of links.slice(0, keptRoots)) kept.add(basename(await readlink(join(folder, name))));
  for (const name of links.slice(keptRoots)) await rm(join(folder, name), { force: true });
  for (const { name, found } of entries) {
    const old = found?.isDirectory() && found.mtimeMs < clock.now() - makingMs;
    if (old && !kept.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Lays out one archive as apt expects it, and returns its line of sources.list. */
async function addArchive(
  root: string,
  name: string,
  release: Evidence['releases'][number],
  options: ScratchOptions,
): Promise<string> {
  const suite = join(root, 'archives', name, 'dists', release.suite);
  const place = async (path: string, object: Sha256) => {
    const to = join(suite, path);
    await mkdir(dirname(to), { recursive: true });
    await link(options.pathOf(object), to).catch(() => copyFile(options.pathOf(object), to));
  };
  await place(release.signature === null ? 'InRelease' : 'Release', release.release);
  if (release.signature !== null) await place('Release.gpg', release.signature);
  const components = new Set<string>();
  for (const index of release.indexes) {
    const component = /^(.+)\/binary-[a-z0-9-]+\/Packages[^/]*$/.exec(index.path)?.[1];
    if (component === undefined) continue;
    components.add(component);
    await place(index.path, index.sha256);
  }
  const { keyrings, trusted } = options.trustOf(release);
  const keys = join(root, 'keys', name);
  await mkdir(keys);
  const signedBy = trusted ? 'trusted=yes' : `signed-by=${(await prepareKeyrings(keyrings, keys)).join(',')}`;
  return `deb [${signedBy}] copy:${join(root, 'archives', name)} ${release.suite} ${[...components].join(' ')}\n`;
}

/** Nothing of the host's configuration; dates were checked when the feed was read. */
function configuration(root: string, architecture: string): string {
  const options = {
    Dir: '/',
    'Dir::State': root,
    'Dir::State::lists': join(root, 'lists'),
    'Dir::Cache': join(root, 'cache'),
    'Dir::Etc': join(root, 'empty'),
    'Dir::Etc::sourcelist': join(root, 'sources.list'),
    'Dir::Log': join(root, 'empty'),
    'APT::Architecture': architecture,
    'APT::Install-Recommends': 'false',
    'APT::Install-Suggests': 'false',
    // As mmdebstrap: apt calls itself essential, which Debian does not.
    'pkgCacheGen::ForceEssential': ',',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Check-Valid-Until': 'false',
    'Acquire::Check-Date': 'false',
  };
  const lines = Object.entries(options).map(([name, value]) => `${name} "${value}";\n`);
  return `#clear APT::Architectures;\n${lines.join('')}APT::Architectures { "${architecture}"; };\n`;
}

/** A status file in which exactly these packages are installed. */
async function writeStatus(
  root: string,
  name: string,
  packages: readonly PackageId[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = packages.map((id) => `${id.package}=${id.version}`);
  const shown =
    wanted.length === 0 ? '' : await apt(root, 'status', 'apt-cache', ['show', ...wanted], signal);
  const stanzas = new Map<string, string>();
  for (const stanza of shown.split('\n\n')) {
    const package_ = /^Package: (\S+)$/m.exec(stanza)?.[1];
    if (package_ === undefined || stanzas.has(package_)) continue;
    stanzas.set(package_, stanza.trim().replace(/^Package: .*$/m, '$&\nStatus: install ok installed'));
  }
  await writeFile(join(root, name), [...stanzas.values()].map((stanza) => `${stanza}\n\n`).join(''));
}

async function apt(
  root: string,
  status: string,
  program: 'apt-get' | 'apt-cache',
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const options = [
    '-o',
    `Dir::State::status=${join(root, status)}`,
    '-o',
    `Dir::Cache::pkgcache=${status}.bin`,
  ];
  const { stdout } = await run(program, [...options, ...args], {
    timeoutMs,
    maxOutput,
    cwd: root,
    env: { APT_CONFIG: join(root, 'apt.conf') },
    signal,
  });
  return stdout.toString('utf8');
}
