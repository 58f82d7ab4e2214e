import { createHash } from 'node:crypto';

/** Whether the long campaigns run whole (`make soak`) or a seeded tenth of each. */
export const soak = process.env.SOAK === '1';

/** The seed of this run: given, or taken from the day, so that in ten days' runs most of a campaign was seen. */
export function campaignSeed(): string {
  return process.env.SEED ?? new Date().toISOString().slice(0, 10);
}

/** All of a campaign under soak; else a tenth of it, at least `least`, drawn by the seed. Same seed, same draw. */
export function drawn<T>(name: string, all: readonly T[], least = 1): readonly T[] {
  if (soak) return all;
  const seed = campaignSeed();
  const wanted = Math.max(least, Math.ceil(all.length / 10));
  console.info(`campaign ${name}: ${wanted} of ${all.length} drawn, SEED=${seed}`);
  const rank = (index: number) => createHash('sha256').update(`${seed} ${name} ${index}`).digest('hex');
  return all
    .map((entry, index) => ({ entry, rank: rank(index) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, wanted)
    .map(({ entry }) => entry);
}
