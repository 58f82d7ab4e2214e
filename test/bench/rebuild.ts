import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';
import { type BenchReport, series } from './report.ts';

/** Packages of one part each, from small to middling: all of them are tried, and all of them are listed. */
const packages = [
  { source: 'debootstrap', version: '1.0.128+nmu2+deb12u2', part: 'all' },
  { source: 'chkrootkit', version: '0.57-2', part: 'any' },
  { source: 'mxml', version: '3.3.1-1+deb13u1~deb12u1', part: 'any' },
] as const;
const suite = 'bookworm';
const hour = 3_600_000;

type Timed = Readonly<{ total: number; build: number }>;

/** Whole wall time of a rebuild less `dpkg-buildpackage`'s own, ours and the plain script's in turn. */
export async function benchRebuild(kind: 'cold' | 'warm', monotonic: () => number): Promise<BenchReport> {
  const tried = [];
  const warm = await makeCache();
  try {
    for (const built of packages) {
      const ours = await ourRebuild(built, kind, { warm, monotonic });
      const rival = await plainRebuild(built);
      const [oursLess, rivalLess] = [ours.total - ours.build, rival.total - rival.build];
      tried.push({ ...built, ours, rival, oursLess, rivalLess });
      console.error(
        `bench: ${built.source} ${kind}: ours ${oursLess.toFixed(1)} s, the plain script ${rivalLess.toFixed(1)} s`,
      );
    }
  } finally {
    await rm(warm, { recursive: true, force: true });
  }
  const ours = series(tried.map((entry) => entry.oursLess));
  const rival = series(tried.map((entry) => entry.rivalLess));
  const version = (await run('mmdebstrap', ['--version'], { timeoutMs: 10_000 })).stdout.toString().trim();
  return {
    name: `rebuild-${kind}`,
    unit: 's',
    ours,
    rival: { name: 'plain script (mmdebstrap, build-dep, dpkg-buildpackage)', version, ...rival },
    ratio: ours.median / rival.median,
    conditions: {
      suite,
      measured: 'wall time of the whole command less that of dpkg-buildpackage',
      kept:
        kind === 'cold'
          ? 'nothing'
          : 'the base, the .debs and the indexes; not the build dependencies’ layer',
      tried,
    },
  };
}

async function plainRebuild(built: (typeof packages)[number]): Promise<Timed> {
  const args = [built.source, built.version, suite, built.part];
  const { stdout } = await run('test/bench/plain-rebuild.sh', args, { timeoutMs: hour });
  return JSON.parse(stdout.toString()) as Timed;
}

/** Warm: everything has been kept by an earlier rebuild, and what is measured is the next one. */
async function ourRebuild(
  built: (typeof packages)[number],
  kind: 'cold' | 'warm',
  { warm, monotonic }: Readonly<{ warm: string; monotonic: () => number }>,
): Promise<Timed> {
  if (kind === 'warm') {
    await once(built, warm, monotonic, ['--keep-base']);
    return await once(built, warm, monotonic);
  }
  const cold = await makeCache();
  try {
    return await once(built, cold, monotonic);
  } finally {
    await rm(cold, { recursive: true, force: true });
  }
}

/** Where nothing is kept yet; the roles' users must be able to pass through. */
async function makeCache(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rebuilder-bench-'));
  await chmod(folder, 0o755);
  return folder;
}

async function once(
  built: (typeof packages)[number],
  cache: string,
  monotonic: () => number,
  more: readonly string[] = [],
): Promise<Timed> {
  const started = monotonic();
  const args = ['rebuild', `${built.source}=${built.version}`, '--suite', suite, '--json', ...more];
  const { stdout } = await run('build/bin/rebuilderctl', args, {
    timeoutMs: hour,
    env: { XDG_CACHE_HOME: cache },
  });
  const total = (monotonic() - started) / 1_000;
  const { seconds } = JSON.parse(stdout.toString()) as { seconds: { build: number } };
  return { total, build: seconds.build };
}
