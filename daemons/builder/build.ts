import { dirname } from 'node:path';
import type { BuildLimits } from '../lib/contracts/build.ts';
import type { DebRecipe } from '../lib/contracts/documents/recipe.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import { BuildFailure } from './failure.ts';
import { findOutputs, insideRoot, type Outputs } from './outputs.ts';
import { buildPackage } from './package-build.ts';
import type { ProgramOptions } from './programs.ts';
import { roomOn, type Scratch } from './scratch.ts';

/** The build in its limits. */

const watchMs = 500;
/** With less than this left at some instant, a build that failed is taken to have filled its disk. */
const fullDiskBytes = 4 * 1_048_576;

export interface BuildOptions extends Omit<ProgramOptions, 'stop'> {
  readonly clock: Clock;
  readonly limits: BuildLimits;
  readonly memoryIsLimited: boolean;
  readonly stop: AbortController;
}

/**
 * Builds the package and finds what it left.
 *
 * @throws BuildFailure `build-failed`, `too-large`, or whatever `stop` was aborted with
 */
export async function buildAndCollect(
  scratch: Scratch,
  recipe: DebRecipe,
  options: BuildOptions,
): Promise<Outputs> {
  const watch = watchBuild(scratch, options);
  let code: number;
  try {
    code = await buildPackage(scratch, recipe, { ...options, stop: options.stop.signal });
  } finally {
    watch.over.abort();
  }
  const leastRoom = await watch.leastRoom;
  if (code !== 0) {
    if (leastRoom < fullDiskBytes)
      throw new BuildFailure('too-large', 'the build filled its disk and failed');
    throw new BuildFailure(
      'build-failed',
      code < 0 ? 'dpkg-buildpackage was killed' : `dpkg-buildpackage ended with code ${code}`,
    );
  }
  const folder = await insideRoot(scratch.root, dirname(recipe.buildPath));
  const known = new Set([
    ...recipe.inputs.filter(({ role }) => role === 'source').map(({ name }) => name as string),
    recipe.buildPath.slice(recipe.buildPath.lastIndexOf('/') + 1),
  ]);
  return findOutputs(folder, recipe.expect, known, options.limits.outputBytes);
}

/** Looks on while the build runs: the disk's lowest room, and a log that has no end. */
function watchBuild(
  scratch: Scratch,
  options: BuildOptions,
): { over: AbortController; leastRoom: Promise<number> } {
  const over = new AbortController();
  const look = async () => {
    let least = Number.POSITIVE_INFINITY;
    for (;;) {
      least = Math.min(least, await roomOn(scratch));
      if (options.log.flooded) {
        options.stop.abort(new BuildFailure('too-large', 'the build wrote log without end'));
      }
      if (over.signal.aborted) return least;
      await options.clock.sleep(watchMs, over.signal).catch(() => {});
    }
  };
  return { over, leastRoom: look() };
}
