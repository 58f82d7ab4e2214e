import { createHash, randomUUID } from 'node:crypto';
import { lutimes, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { BuildPart } from '../../lib/domain/build.ts';
import type { PackageId } from './apt-answers.ts';
import { keptRoot, makeRoot, pointTo, prune, type ScratchOptions, simulate } from './scratch-root.ts';

/** Changes with what stands in a root, so that one of another version is made anew. */
const layoutVersion = 1;

/**
 * apt itself, in a root of its own whose only sources are a local copy of the verified indexes, signatures and all. It
 * answers what a build environment would hold: apt's choices between alternatives and providers are nobody else's.
 */
export class ScratchApt {
  readonly #root: string;
  readonly #signal: AbortSignal;

  private constructor(
    root: string,
    signal: AbortSignal,
    /** What every environment begins with: essential and required packages, apt, build-essential. */
    readonly base: readonly PackageId[],
  ) {
    this.#root = root;
    this.#signal = signal;
  }

  /** Opens the root of these indexes; making one costs apt's reading of them, once. */
  static async open(options: ScratchOptions): Promise<ScratchApt> {
    const { signal } = options;
    // apt that does not find its configuration takes the host's.
    const folder = resolve(options.folder);
    const name = join(folder, keyOf(options));
    const kept = await keptRoot(name);
    if (kept !== undefined) {
      const now = options.clock.now() / 1_000;
      await lutimes(name, now, now);
      return new ScratchApt(kept.root, signal, kept.base);
    }
    const root = `${name}-${randomUUID()}`;
    try {
      const base = await makeRoot(root, options);
      await pointTo(name, root);
      await prune(folder, options.clock);
      return new ScratchApt(root, signal, base);
    } catch (error) {
      await rm(root, { recursive: true, force: true });
      throw error;
    }
  }

  /**
   * The whole environment of a build: the base, and what its parts need beyond it, at the versions that the indexes
   * offer now, without recommendations.
   *
   * @throws JobFailure `dependency-missing` with apt's reasons
   */
  async resolve(dsc: string, parts: readonly BuildPart[]): Promise<readonly PackageId[]> {
    const only = parts.length === 2 ? [] : [parts[0] === 'any' ? '--arch-only' : '--indep-only'];
    const simulated = await simulate(this.#root, 'status.base', ['build-dep', ...only, dsc], this.#signal);
    const environment = new Map(this.base.map((id) => [id.package, id]));
    for (const name of simulated.remove) environment.delete(name);
    for (const id of simulated.install) environment.set(id.package, id);
    return [...environment.values()];
  }
}

function keyOf({ evidence, architecture }: ScratchOptions): string {
  const about = JSON.stringify([layoutVersion, architecture, evidence.releases]);
  return createHash('sha256').update(about).digest('hex').slice(0, 32);
}
