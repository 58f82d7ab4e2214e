import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuildLimits } from '../lib/contracts/build.ts';
import type { DebRecipe } from '../lib/contracts/documents/recipe.ts';
import { inNamespaces } from './namespace.ts';
import { must, type ProgramOptions, runLogged } from './programs.ts';
import { buildScript, sourcesInsideRoot, unpackScript } from './root-scripts.ts';
import type { Scratch } from './scratch.ts';
import { builder } from './users.ts';

/** The package's own build, as an archive's builder does it: an unprivileged user, no network, the recorded path. */

/** What sbuild gives a build beside what the buildinfo records. */
const builderEnvironment: readonly (readonly [string, string])[] = [
  ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games'],
  ['HOME', builder.home],
  ['LOGNAME', builder.name],
  ['USER', builder.name],
  ['SHELL', '/bin/sh'],
];

/** Architectures whose programs run under a kernel of twice their word: `uname -m` must say what they are. */
const personalities: ReadonlyMap<string, string> = new Map([
  ['i386', 'i686'],
  ['armhf', 'armv7l'],
  ['armel', 'armv7l'],
]);

function environmentOf(recipe: DebRecipe): readonly string[] {
  return [...builderEnvironment, ...recipe.environment].map(([name, value]) => `${name}=${value}`);
}

/**
 * A binNMU's changelog entry as sbuild puts it in front of debian/changelog: without blank lines around it, then one
 * blank line. Nothing for a build of the source as it is.
 */
export function changelogEntry(binaryOnlyChanges: string | null): Buffer {
  if (binaryOnlyChanges === null) return Buffer.alloc(0);
  return Buffer.from(`${binaryOnlyChanges.replace(/^\n+/, '').trimEnd()}\n\n`);
}

/** Unpacks the source at the recorded build path, the binNMU's changelog entry included. */
export async function unpackSource(
  scratch: Scratch,
  recipe: DebRecipe,
  program: ProgramOptions,
): Promise<void> {
  await rename(scratch.sources, join(scratch.root, sourcesInsideRoot));
  await must(
    'unpacking the source',
    'build-failed',
    'unshare',
    inNamespaces(unpackScript, [
      scratch.root,
      dirname(recipe.buildPath),
      recipe.buildPath,
      recipe.dsc,
      ...environmentOf(recipe),
    ]),
    { ...program, input: [changelogEntry(recipe.binaryOnlyChanges)] },
  );
}

export interface PackageBuildOptions extends ProgramOptions {
  readonly limits: BuildLimits;
  /** Whether something outside the build already limits memory: a cgroup, a virtual machine. */
  readonly memoryIsLimited: boolean;
}

/** Runs dpkg-buildpackage; its exit code, -1 when a signal ended it. Nothing it started is left when this resolves. */
export async function buildPackage(
  scratch: Scratch,
  recipe: DebRecipe,
  options: PackageBuildOptions,
): Promise<number> {
  const { limits } = options;
  const personality = personalities.get(recipe.buildArchitecture);
  const command = inNamespaces(buildScript, [
    scratch.root,
    recipe.buildPath,
    recipe.parts.length === 2 ? 'binary' : (recipe.parts[0] ?? 'binary'),
    String(limits.processes),
    String(limits.outputBytes),
    options.memoryIsLimited ? 'unlimited' : String(limits.memoryMiB * 1_048_576),
    ...environmentOf(recipe),
  ]);
  return personality === undefined
    ? runLogged('unshare', command, options)
    : runLogged('setarch', [personality, 'unshare', ...command], options);
}
