import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgramError, run } from '../../daemons/lib/daemon/program.ts';
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
  for (const built of packages) {
    const ours = await ourRebuild(built, kind, monotonic);
    const rival = await plainRebuild(built);
    tried.push({
      ...built,
      ours,
      rival,
      oursLess: ours.total - ours.build,
      rivalLess: rival.total - rival.build,
    });
    console.error(`bench: ${built.source}: ours ${less(ours)} s, the plain script ${less(rival)} s`);
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
    conditions: { suite, kept: kind === 'cold' ? 'nothing' : 'the base and the .debs', tried },
  };
}

function less(timed: Timed): string {
  return (timed.total - timed.build).toFixed(1);
}

async function plainRebuild(built: (typeof packages)[number]): Promise<Timed> {
  const { stdout } = await run(
    'test/bench/plain-rebuild.sh',
    [built.source, built.version, suite, built.part],
    {
      timeoutMs: hour,
    },
  );
  return JSON.parse(stdout.toString()) as Timed;
}

async function ourRebuild(
  built: (typeof packages)[number],
  kind: 'cold' | 'warm',
  monotonic: () => number,
): Promise<Timed> {
  const cache = await mkdtemp(join(tmpdir(), 'rebuilder-bench-'));
  await run('chmod', ['755', cache], { timeoutMs: 10_000 });
  try {
    if (kind === 'warm') await once(built, cache, monotonic, ['--keep-base']);
    return await once(built, cache, monotonic, []);
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

async function once(
  built: (typeof packages)[number],
  cache: string,
  monotonic: () => number,
  more: readonly string[],
): Promise<Timed> {
  const started = monotonic();
  const args = ['rebuild', `${built.source}=${built.version}`, '--suite', suite, '--json', ...more];
  const reply = await run('build/bin/rebuilderctl', args, {
    timeoutMs: hour,
    env: { XDG_CACHE_HOME: cache },
  }).catch((error) => {
    if (error instanceof ProgramError && error.exitCode === 1) return { stdout: error.stdout };
    throw error;
  });
  const total = (monotonic() - started) / 1_000;
  const result = JSON.parse(reply.stdout.toString()) as { seconds: { build: number }; verdict: string };
  return { total, build: result.seconds.build };
}
