import { systemClock } from '../../daemons/lib/daemon/clock.ts';
import { benchAttest } from './attest.ts';
import { benchIdleMemory, benchStartTime } from './idle.ts';
import { benchRebuild } from './rebuild.ts';
import { type BenchReport, writeReport } from './report.ts';

const benchmarks: Readonly<Record<string, () => Promise<BenchReport>>> = {
  'attest-throughput': () => benchAttest('qubes.Gpg'),
  'attest-throughput-gpg2': () => benchAttest('qubes.Gpg2'),
  'idle-memory': benchIdleMemory,
  'start-time': benchStartTime,
  'rebuild-cold': () => benchRebuild('cold', () => systemClock.monotonic()),
  'rebuild-warm': () => benchRebuild('warm', () => systemClock.monotonic()),
};

const wanted = (process.argv[2] ?? Object.keys(benchmarks).join(',')).split(',');
for (const name of wanted) {
  const benchmark = benchmarks[name];
  if (!benchmark) {
    console.error(
      `bench: no benchmark is called ${name}: expected one of ${Object.keys(benchmarks).join(', ')}`,
    );
    process.exit(2);
  }
  await writeReport('build/bench', await benchmark());
}
