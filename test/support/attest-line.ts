import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock } from '../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../daemons/lib/daemon/log.ts';
import { openNotify } from '../../daemons/lib/daemon/notify.ts';
import type { Sha256 } from '../../daemons/lib/domain/names.ts';
import { type Caller, qrexecCaller } from '../../daemons/lib/wire/call.ts';
import { bufferObject } from '../../daemons/lib/wire/frame.ts';
import { type Done, type JobContext, runWorker } from '../../daemons/lib/worker/worker.ts';
import { parseLines } from '../demo/follow.ts';
import { program } from './direct-qrexec.ts';
import { heardLog } from './job-context.ts';
import {
  type Contents,
  makeReadyBuilds,
  type ReadyBuild,
  type ReadyBuilds,
  sha256Of,
} from './ready-builds.ts';
import { openRealLine, type RealLine } from './real-line.ts';

/**
 * A real line without getter and rebuilder: what they bring of each build is ready, and handed in through their doors by
 * a stand-in for both. Orchestrator, attester, vault and all that joins them are the real ones.
 */
export interface AttestLine {
  readonly line: RealLine;
  readonly ready: ReadyBuilds;
  /** Where the mirror has the publication. */
  readonly mirror: string;
  /** Brings these builds to where only their attestation is left, and holds that back. */
  prepare(builds: readonly ReadyBuild[]): Promise<void>;
  /** Lets the attester begin. */
  release(): Promise<void>;
  /** Sends the publication to the mirror, and lists every path there. */
  published(): Promise<readonly string[]>;
  /** Every verdict that each build was settled with, by its source. */
  history(builds: readonly ReadyBuild[]): Promise<ReadonlyMap<string, readonly unknown[]>>;
  close(): Promise<void>;
}

export interface AttestLineOptions {
  /** How many binaries each build has. */
  readonly sizes: readonly number[];
  /** More arguments of the line's program. */
  readonly args?: readonly string[];
  readonly openpgp?: 'qubes.Gpg' | 'qubes.Gpg2';
}

const slots = 4;
const pollMs = 300;

export async function openAttestLine(options: AttestLineOptions): Promise<AttestLine> {
  const ready = makeReadyBuilds(options.sizes);
  const { archive, dist } = ready;
  // The attester's user reads the keyring that stands in it.
  chmodSync(archive.root, 0o755);
  try {
    const settings = [
      '[debian]',
      `dist = ${dist}`,
      `archive-keyring = ${archive.codename}=${archive.keyring}`,
      `openpgp = ${options.openpgp ?? 'qubes.Gpg'}`,
    ];
    const line = await openRealLine({
      settings: settings.join('\n'),
      args: ['--without', 'getter,rebuilder,reporter', ...(options.args ?? [])],
    });
    const upstream = new Upstream(line, ready);
    const mirror = join(line.folder, 'mirror/rebuild');
    return {
      line,
      ready,
      mirror,
      async prepare(builds) {
        await line.ctl('control', 'pause', '--queue', 'attest');
        await upstream.bring(builds);
      },
      async release() {
        await line.ctl('control', 'resume', '--queue', 'attest');
      },
      async published() {
        await line.ctl('trigger', 'upload');
        const isSent = async () =>
          parseLines<{ queue: string; state: string }>(await line.ctl('jobs', '--json')).some(
            ({ queue, state }) => queue === 'upload' && state === 'settled',
          );
        while (!(await isSent())) await clock.sleep(pollMs);
        return readdirSync(mirror, { recursive: true, encoding: 'utf8' });
      },
      async history(builds) {
        const told = new Map<string, readonly unknown[]>();
        for (const { source } of builds) {
          const rows = parseLines<{ history: readonly unknown[] }>(
            await line.ctl('results', source, '--history', '--json'),
          );
          told.set(
            source,
            rows.flatMap(({ history }) => history),
          );
        }
        return told;
      },
      async close() {
        await upstream.stop();
        await line.close();
        archive.remove();
      },
    };
  } catch (error) {
    archive.remove();
    throw error;
  }
}

/** The getter and the rebuilder, as the orchestrator hears them. */
class Upstream {
  readonly #over = new AbortController();
  readonly #working: Promise<unknown>;
  readonly #bySource: ReadonlyMap<string, ReadyBuild>;
  readonly #byRecipe: ReadonlyMap<Sha256, ReadyBuild>;
  #feed: readonly ReadyBuild[] = [];
  #readings = 0;
  #rebuilt = 0;
  #wake = () => {};

  constructor(
    readonly line: RealLine,
    readonly ready: ReadyBuilds,
  ) {
    this.#bySource = new Map(ready.builds.map((build) => [build.source, build]));
    this.#byRecipe = new Map(ready.builds.map((build) => [build.inputs.recipe, build]));
    const common = {
      clock,
      log: openLog('stand-in'),
      notify: openNotify(clock, {}),
      stop: this.#over.signal,
    };
    const kinds = ['feed', 'inputs'];
    this.#working = Promise.all([
      runWorker({
        ...common,
        queue: 'get',
        caller: this.#callerOf('rebuilder-getter'),
        slots: Array.from({ length: slots }, () => ({ kinds })),
        handle: async (context) => this.#get(context),
      }),
      runWorker({
        ...common,
        queue: 'rebuild',
        caller: this.#callerOf('rebuilder-worker'),
        slots: Array.from({ length: slots }, () => ({})),
        handle: async (context) => this.#rebuild(context),
      }),
    ]);
  }

  async bring(builds: readonly ReadyBuild[]): Promise<void> {
    // The reading that an empty ledger begins with: one that is asked for meanwhile is that one.
    await this.#until(() => this.#readings > 0);
    const wanted = this.#rebuilt + builds.length;
    this.#feed = builds;
    await this.line.ctl('trigger', 'get');
    await this.#until(() => this.#rebuilt >= wanted);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, this.#working]);
    }
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#working;
  }

  #get({ job: { payload } }: JobContext<'get'>): Done<'get'> {
    if (payload.kind === 'feed') return this.#read(this.#feed);
    if (payload.kind !== 'inputs') throw new Error(`asked for ${payload.kind}`);
    const build = this.#bySource.get(payload.build.source);
    if (build === undefined) throw new Error(`asked for ${payload.build.source}`);
    const { recipe, buildinfo, contents } = build.inputs;
    return { outcome: { status: 'done', kind: 'inputs', recipe, buildinfo }, objects: outgoing(contents) };
  }

  #read(builds: readonly ReadyBuild[]): Done<'get'> {
    const list = Buffer.from(builds.map(({ listed }) => `${JSON.stringify(listed)}\n`).join(''));
    const name = sha256Of(list);
    this.#feed = [];
    const contents = new Map([
      ...this.ready.shared,
      ...builds.flatMap(({ fed }) => [...fed]),
      ...(builds.length === 0 ? [] : [[name, list] as const]),
    ]);
    return {
      outcome: {
        status: 'done',
        kind: 'feed',
        builds: builds.length === 0 ? null : name,
        count: builds.length,
        resume: null,
        say: 'read',
      },
      objects: outgoing(contents),
      delivered: () => {
        this.#readings += 1;
        this.#wake();
      },
    };
  }

  #rebuild({ job: { payload } }: JobContext<'rebuild'>): Done<'rebuild'> {
    const build = this.#byRecipe.get(payload.recipe);
    if (build === undefined) throw new Error(`asked for recipe ${payload.recipe}`);
    const { report, contents } = build.rebuilt;
    return {
      outcome: { status: 'done', report },
      objects: outgoing(contents),
      delivered: () => {
        this.#rebuilt += 1;
        this.#wake();
      },
    };
  }

  /** Calls as that qube, by its socket. */
  #callerOf(qube: string): Caller {
    const folder = join(this.line.folder, 'stand-ins', qube);
    mkdirSync(folder, { recursive: true });
    const socket = join(this.line.folder, 'line/qubes', qube, 'qrexec-agent');
    const client = join(process.cwd(), 'build/bin/qrexec-client-vm');
    return qrexecCaller({
      clock,
      log: heardLog([]),
      program: program(folder, `#!/bin/sh\nexec ${client} --agent-socket=${socket} "$@"\n`),
    });
  }
}

function outgoing(contents: Contents) {
  return [...contents.values()].map((content) => bufferObject(content));
}
