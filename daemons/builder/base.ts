import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecipeDependency } from '../lib/contracts/documents/recipe.ts';
import { inNamespaces } from './namespace.ts';
import { must, type ProgramOptions } from './programs.ts';
import { architecturesOf, exactPackages, indexPackages, sourcesLine } from './repository.ts';
import type { Scratch } from './scratch.ts';

/** The base of a build environment: essential packages, build-essential and what they need, at exact versions. */

/** Where the packages lie inside the root while they are installed: apt hands dpkg paths that both can see. */
const insideRoot = '.packages';

/** Of a merged /usr that no package makes by itself: `usr-is-merged` only states that it is there. */
const mergedFolders =
  'for d in bin sbin lib lib32 lib64 libx32; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done';

/** As sbuild-createchroot does: nobody reads manual pages here, and their index takes a second of each build. */
const noManualIndex =
  'if [ -x "$1/usr/bin/debconf-set-selections" ]; then echo man-db man-db/auto-update boolean false | chroot "$1" debconf-set-selections; fi';

export interface BaseOptions extends ProgramOptions {
  readonly buildArchitecture: string;
  readonly dependencies: readonly RecipeDependency[];
  /** Seconds since 1970 that stand where the environment would else record when it was made. */
  readonly epoch: number;
}

/** Makes the base with mmdebstrap from the delivered packages alone. */
export async function makeBase(scratch: Scratch, options: BaseOptions): Promise<void> {
  const { buildArchitecture, dependencies } = options;
  await indexPackages(scratch.basePackages);
  const inside = join(scratch.root, insideRoot);
  const names = dependencies.map((dependency) => dependency.package as string);
  const arguments_ = [
    '--mode=root',
    '--variant=essential',
    '--format=directory',
    `--architectures=${architecturesOf(dependencies, buildArchitecture).join(',')}`,
    '--skip=check/qemu,check/signed-by,output/dev',
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    '--dpkgopt=force-unsafe-io',
    ...(names.includes('usr-is-merged') && !names.includes('usrmerge')
      ? [`--setup-hook=${mergedFolders}`]
      : []),
    `--setup-hook=mv '${scratch.basePackages}' "$1/${insideRoot}"`,
    `--essential-hook=${noManualIndex}`,
    ...exactPackages(dependencies, buildArchitecture).map((name) => `--include=${name}`),
    '',
    scratch.root,
    sourcesLine(inside),
  ];
  await must(
    'making the base',
    'dependency-missing',
    'unshare',
    inNamespaces('exec mmdebstrap "$@"', arguments_),
    {
      ...options,
      env: { SOURCE_DATE_EPOCH: String(options.epoch), TMPDIR: scratch.temporary },
    },
  );
  await rm(inside, { recursive: true, force: true });
  await makeNeutral(scratch.root, options.epoch);
}

/** Takes out what mmdebstrap copied from its host or left for apt: two hosts make the same base. */
async function makeNeutral(root: string, epoch: number): Promise<void> {
  for (const path of [
    'etc/resolv.conf',
    'etc/apt/sources.list',
    'etc/apt/sources.list.d/0000main.list',
    'etc/apt/apt.conf.d/99mmdebstrap',
    'etc/dpkg/dpkg.cfg.d/99mmdebstrap',
  ]) {
    await rm(join(root, path), { force: true });
  }
  await writeFile(join(root, 'etc/hostname'), 'localhost\n');
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n');
  await utimes(join(root, 'dev'), epoch, epoch);
}
