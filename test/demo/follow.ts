import { systemClock as clock } from '../../daemons/lib/daemon/clock.ts';
import type { DemoLine } from './line.ts';
import { describeJob } from './progress.ts';
import type { DemoFile } from './summary.ts';

type Row = Readonly<{
  build: string;
  source: string;
  version: string;
  verdict: 'reproducible' | 'unreproducible' | 'failure' | null;
  code: string | null;
  say: string;
  files: readonly DemoFile[];
  seconds: Readonly<Record<string, number | null>>;
}>;

export type { Row as DemoRow };

type Job = Readonly<{ id: string; queue: string; state: string; about: string; say: string | null }>;

const pollMs = 1_000;
const patienceMs = 40 * 60_000;

/** Asks for every package, then tells each job's change until all have their verdict. */
export async function rebuildAll(
  line: Pick<DemoLine, 'ctl'>,
  suite: string,
  sources: readonly string[],
  say: (text: string) => void,
): Promise<ReadonlyMap<string, readonly Row[]>> {
  for (const source of sources)
    await line.ctl('trigger', 'rebuild', source, `${suite}.amd64`, `${suite}.all`);
  const told = new Map<string, string>();
  const deadline = clock.monotonic() + patienceMs;
  for (;;) {
    for (const job of parseLines<Job>(await line.ctl('jobs', '--json'))) {
      const text = describeJob(job);
      if (text === undefined || told.get(job.id) === text) continue;
      told.set(job.id, text);
      say(text);
      if (job.state === 'settled' && job.id.endsWith('.feed') && job.say?.includes('missing'))
        throw new Error(text);
    }
    const all = parseLines<Row>(await line.ctl('results', '--json'));
    const rows = new Map(sources.map((source) => [source, all.filter((row) => row.source === source)]));
    const settled = [...rows.values()].filter(
      (own) => own.length > 0 && own.every((row) => row.verdict !== null),
    );
    if (settled.length === sources.length) return rows;
    if (clock.monotonic() > deadline) throw new Error(`no verdict within ${patienceMs / 60_000} minutes`);
    await clock.sleep(pollMs);
  }
}

/** Waits until nothing is left to report or to send. */
export async function publicationSent(
  line: Pick<DemoLine, 'ctl'>,
  say: (text: string) => void,
): Promise<void> {
  say('publishing: results, links, evidence, keys and layout go to the mirror over ssh');
  const deadline = clock.monotonic() + patienceMs;
  for (;;) {
    const jobs = parseLines<Job>(await line.ctl('jobs', '--json'));
    const open = jobs.filter((job) => ['pending', 'leased'].includes(job.state));
    if (open.length === 0 && jobs.some((job) => job.queue === 'upload' && job.state === 'settled')) return;
    if (clock.monotonic() > deadline)
      throw new Error(`not published: ${open.map((job) => job.about).join(', ')}`);
    await clock.sleep(pollMs);
  }
}

export function parseLines<T>(text: string): readonly T[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
