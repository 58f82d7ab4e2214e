import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildinfoPlaces } from '../../daemons/getter/debian/buildinfos.ts';
import { SeenReleases } from '../../daemons/getter/debian/seen-releases.ts';
import { SuiteReader } from '../../daemons/getter/debian/suite.ts';
import { handle } from '../../daemons/getter/handle.ts';
import { Kept } from '../../daemons/getter/kept.ts';
import type { Parts } from '../../daemons/getter/parts.ts';
import { type ArchiveSettings, Sources } from '../../daemons/getter/sources.ts';
import { LookupStore } from '../../daemons/lib/archive/lookup-store.ts';
import { type FeedBuild, parseFeedBuild } from '../../daemons/lib/contracts/documents/feed.ts';
import { type DebRecipe, parseRecipe } from '../../daemons/lib/contracts/documents/recipe.ts';
import type { GetPayload } from '../../daemons/lib/contracts/job.ts';
import { type Clock, systemClock } from '../../daemons/lib/daemon/clock.ts';
import { parseArchitecture, parseSourceName, type Sha256 } from '../../daemons/lib/domain/names.ts';
import { Downloads } from '../../daemons/lib/net/download.ts';
import type { Done } from '../../daemons/lib/worker/worker.ts';
import { heardLog, jobContext, Objects, type Told } from './job-context.ts';

type FeedPayload = Extract<GetPayload, { kind: 'feed' }>;

export interface TestGetterOptions extends Partial<ArchiveSettings> {
  readonly buildinfos?: string;
  readonly clock?: Clock;
}

/** The getter's jobs on a cache of their own, without a line around them. */
export class TestGetter {
  /** What the orchestrator keeps. */
  readonly objects = new Objects();
  readonly told: Told[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'getter-'));
  readonly #options: TestGetterOptions;
  readonly #downloads: Downloads;
  #parts: Promise<Parts> | undefined;

  constructor(options: TestGetterOptions) {
    this.#options = options;
    this.#downloads = new Downloads({
      clock: { ...systemClock, sleep: async () => {} },
      timeouts: { connectMs: 2_000, answerMs: 2_000, bodyMs: 2_000 },
      tries: 2,
    });
  }

  /** A job of kind feed; what it returns is kept as the orchestrator would. */
  async feed(payload: Partial<FeedPayload>): Promise<{ builds: readonly FeedBuild[]; done: Done<'get'> }> {
    const done = await this.run({ kind: 'feed', dists: [], only: null, resume: null, ...payload });
    const { outcome } = done;
    if (outcome.status !== 'done' || outcome.kind !== 'feed') throw new Error(`outcome ${outcome.status}`);
    if (outcome.builds === null) return { builds: [], done };
    const lines = this.objects.get(outcome.builds).toString('utf8').trimEnd().split('\n');
    return { builds: lines.map((line) => parseFeedBuild(JSON.parse(line))), done };
  }

  /** The builds of one source. */
  async only(
    dists: readonly string[],
    source: string,
    more: { version?: string; buildinfos?: readonly Sha256[] } = {},
  ): Promise<readonly FeedBuild[]> {
    const { version = null, buildinfos = [] } = more;
    const only = { source: parseSourceName(source), version, buildinfos: [...buildinfos] };
    const { builds } = await this.feed({ dists: [...dists], only: only as FeedPayload['only'] });
    return builds;
  }

  /** A job of kind inputs. */
  async inputs(build: FeedBuild): Promise<{ recipe: DebRecipe; done: Done<'get'> }> {
    const done = await this.run({ kind: 'inputs', build: build.build });
    const { outcome } = done;
    if (outcome.status !== 'done' || outcome.kind !== 'inputs') throw new Error(`outcome ${outcome.status}`);
    const recipe = parseRecipe(JSON.parse(this.objects.get(outcome.recipe).toString('utf8')));
    if (recipe.kind !== 'deb') throw new Error(recipe.kind);
    return { recipe, done };
  }

  async run(payload: GetPayload): Promise<Done<'get'>> {
    this.#parts ??= this.#open();
    const done = await handle(
      jobContext<'get'>(payload, this.objects, { told: this.told }),
      await this.#parts,
    );
    await this.objects.take(done.objects);
    return done;
  }

  /** Forgets what is open, as a restart does; the cache stays. */
  restart(): void {
    this.#parts = undefined;
  }

  async remove(): Promise<void> {
    await this.#downloads.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #open(): Promise<Parts> {
    const { folder } = this;
    const clock = this.#options.clock ?? systemClock;
    const downloads = this.#downloads;
    const kept = await Kept.open({ folder, downloads, clock, maxBytes: 2 ** 40 });
    const settings = {
      archiveKeyring: [],
      checkValidUntil: undefined,
      mirror: undefined,
      ...this.#options,
    };
    const sources = new Sources(settings, { env: {}, apt: undefined, log: heardLog(this.told) });
    const trustOf: Parts['trustOf'] = (source) => sources.trustOf(source);
    const seen = new SeenReleases(join(folder, 'releases.json'));
    return {
      clock,
      downloads,
      kept,
      lookups: new LookupStore(join(folder, 'lookups'), { clock }),
      suites: new SuiteReader({ clock, downloads, kept, seen, trustOf }),
      select: (dist) => sources.select(dist),
      trustOf,
      buildinfoPlaces: () => buildinfoPlaces(this.#options.buildinfos, 'amd64'),
      buildArchitecture: parseArchitecture('amd64'),
      parallel: 3,
      cacheFolder: folder,
    };
  }
}
