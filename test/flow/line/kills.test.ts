import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { parseLines } from '../../demo/follow.ts';
import { campaignSeed, drawn } from '../../support/campaign.ts';
import { killMember } from '../../support/members.ts';
import { openRealLine, type RealLine } from '../../support/real-line.ts';

/**
 * One death a step, each while that role holds that step's job. The packages are apart, so that each death costs one of
 * them a lease's time and the others nothing.
 */
const deaths = [
  { role: 'getter', step: 'feed', of: 'debootstrap', withinMs: 300 },
  { role: 'getter', step: 'inputs', of: 'usrmerge', withinMs: 1_500 },
  { role: 'rebuilder', step: 'rebuild', of: 'what-is-python', withinMs: 12_000 },
  { role: 'attester', step: 'attest', of: 'distro-info-data', withinMs: 300 },
  { role: 'reporter', step: 'report', of: '', withinMs: 50 },
  { role: 'uploader', step: 'upload', of: '', withinMs: 300 },
] as const;
type Death = (typeof deaths)[number];

const sources = ['debootstrap', 'usrmerge', 'what-is-python', 'distro-info-data'];
const binaries = [
  'debootstrap',
  'distro-info-data',
  'python-dev-is-python3',
  'python-is-python3',
  'usr-is-merged',
  'usrmerge',
];
/** Random instants at which the orchestrator dies, besides. */
const orchestratorDiesWithinMs = [5_000, 20_000];
const patienceMs = 560_000;

let line: RealLine;
const chance = new VirtualClock(
  [...campaignSeed()].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7),
);
const at = (...parts: readonly string[]) => join(line.folder, ...parts);

beforeAll(async () => {
  line = await openRealLine({ settings: 'keep-bases = no' });
});
afterAll(() => line?.close(at('gnupg')));

/** Of the long campaign a part, drawn by the seed. */
const drawnDeaths = new Set<Death>(drawn('kills', deaths, 2));

/** Waits until the role's journal says that it leased such a job, and kills it somewhat later. */
async function die(death: Death): Promise<void> {
  if (!drawnDeaths.has(death)) return;
  const { role, step, of, withinMs } = death;
  const leased = new RegExp(`leased about="?${of}.* job=\\S+\\.${step}`);
  while (!leased.test(journalOf(role))) await clock.sleep(10);
  await clock.sleep(chance.random() * withinMs);
  await killMember(line, role);
}

async function orchestratorDies(withinMs: number): Promise<void> {
  await clock.sleep(2_000 + chance.random() * withinMs);
  await killMember(line, 'orchestrator');
}

async function trigger(queue: string, source?: string): Promise<void> {
  await line.ctl(
    'trigger',
    queue,
    ...(source === undefined ? [] : [source, 'bookworm.amd64', 'bookworm.all']),
  );
}

function journalOf(role: string): string {
  const path = at('line/log', `${role}.log`);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

type Result = Readonly<{ source: string; verdict: string | null }>;
type Job = Readonly<{ id: string; state: string }>;

/** What the command line says; nothing while the orchestrator is away. */
async function rows<T>(view: 'results' | 'jobs'): Promise<readonly T[]> {
  return parseLines<T>(await line.ctl(view, '--json').catch(() => ''));
}

async function inputsOf(names: readonly string[]): Promise<void> {
  const isHere = (name: string) =>
    new RegExp(`done .*about="${name} .*job=\\S+\\.inputs`).test(journalOf('orchestrator'));
  while (!names.every(isHere)) await clock.sleep(100);
}

async function untilSettled(): Promise<void> {
  const deadline = clock.monotonic() + patienceMs;
  for (;;) {
    const results = await rows<Result>('results');
    const jobs = await rows<Job>('jobs');
    const judged = results.length === sources.length && results.every(({ verdict }) => verdict !== null);
    if (judged && jobs.length > 0 && jobs.every(({ state }) => state === 'settled')) return;
    if (clock.monotonic() > deadline) throw new Error(`still open: ${JSON.stringify([results, jobs])}`);
    await clock.sleep(1_000);
  }
}

describe('a line whose roles are killed in the middle of each step', () => {
  it('ends with every build judged, every job settled once, and every link published once', async () => {
    const [feed, inputs, rebuild, attest, report, upload] = deaths;
    const dying: Promise<void>[] = [die(rebuild), die(attest), die(report), die(upload)];
    dying.push(...orchestratorDiesWithinMs.map(orchestratorDies));
    for (const death of [report, upload]) await trigger(death.step);
    for (const death of [rebuild, attest]) await trigger('rebuild', death.of);
    // The getter's deaths come when it has no more to do for these: each costs what it holds a lease's time.
    await inputsOf([rebuild.of, attest.of]);
    for (const death of [feed, inputs]) await Promise.all([die(death), trigger('rebuild', death.of)]);
    await Promise.all(dying);
    await untilSettled();

    const results = await rows<Result>('results');
    expect(results.map(({ source, verdict }) => `${source} ${verdict}`).sort()).toEqual(
      sources.map((source) => `${source} reproducible`).sort(),
    );
    const jobs = await rows<Job>('jobs');
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(jobs.length);
    // One that dies between settling and saying so says nothing: at most once, then.
    for (const source of sources) {
      const settled = new RegExp(`done .*about="${source} .*job=\\S+\\.rebuild`, 'g');
      expect(journalOf('orchestrator').match(settled)?.length ?? 0).toBeLessThanOrEqual(1);
    }

    const published = at('mirror/rebuild/debian/sources');
    const documents = readdirSync(published).flatMap((binary) =>
      readdirSync(join(published, binary))
        .map((version) => join(published, binary, version, 'metadata'))
        .filter((path) => existsSync(path)),
    );
    expect(documents.map((path) => path.split('/').at(-3)).sort()).toEqual(binaries);
    await mkdir(at('gnupg'), { mode: 0o700 });
    await run('gpg', ['--homedir', at('gnupg'), '--batch', '--import', line.vaultKey.file], {
      timeoutMs: 60_000,
    });
    for (const path of documents) {
      const keys = ['--gpg', line.vaultKey.fingerprint.toLowerCase(), '--gpg-home', at('gnupg')];
      await run('in-toto-sign', ['-f', path, '--verify', ...keys], { timeoutMs: 60_000 });
    }
  });

  it('did again only what was being done when a role died', () => {
    // A role may die before its step has cost anything; no build or reading but that one is done twice.
    const again = (death: Death) => (drawnDeaths.has(death) ? [0, 1] : [0]);
    const disposables = journalOf('agent-disposable').match(/started disp\d+/g) ?? [];
    expect(again(deaths[2])).toContain(disposables.length - sources.length);
    const feeds = journalOf('getter').match(/done .*job=\S+\.feed/g) ?? [];
    expect(feeds.length).toBeLessThanOrEqual(sources.length);
  });
});
