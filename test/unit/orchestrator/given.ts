import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchObjects } from '../../../daemons/lib/contracts/fetch.ts';
import { type Queue, queues } from '../../../daemons/lib/contracts/job.ts';
import { formatJsonLines } from '../../../daemons/lib/contracts/json-lines.ts';
import { lease } from '../../../daemons/lib/contracts/lease.ts';
import { query, type View } from '../../../daemons/lib/contracts/query.ts';
import { returnOutcome } from '../../../daemons/lib/contracts/return.ts';
import { trigger } from '../../../daemons/lib/contracts/trigger.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import type { Log } from '../../../daemons/lib/daemon/log.ts';
import { parseFingerprint, parseSha256, type Sha256 } from '../../../daemons/lib/domain/names.ts';
import type { Caller } from '../../../daemons/lib/wire/call.ts';
import { bufferObject } from '../../../daemons/lib/wire/frame.ts';
import { serveSocket } from '../../../daemons/lib/wire/serve.ts';
import { orchestratorDoor } from '../../../daemons/orchestrator/doors/door.ts';
import { openOffice } from '../../../daemons/orchestrator/open-office.ts';
import type { OrchestratorSettings } from '../../../daemons/orchestrator/settings.ts';
import { socketCaller } from '../../support/socket-caller.ts';

/** An orchestrator with its door, and workers that speak to it over the wire. */

export const quietLog: Log = {
  debug() {},
  info() {},
  notice() {},
  warning() {},
  error() {},
  child: () => quietLog,
};

export const usualSettings: OrchestratorSettings = {
  version: '0.1.0',
  dists: [{ dist: 'bookworm.amd64', everyMs: 1_800_000 }],
  maxRetries: 0,
  retryDelayMs: 1_000,
  reportEveryMs: 300_000,
  ledgerPath: undefined,
  quotaBytes: undefined,
};

export type Running = Awaited<ReturnType<typeof startOrchestrator>>;

export async function startOrchestrator(settings: Partial<OrchestratorSettings> = {}, clock = systemClock) {
  const dir = mkdtempSync(join(tmpdir(), 'orchestrator-'));
  const path = join(dir, 'door.sock');
  const opened = await openOffice({
    clock,
    log: quietLog,
    settings: { ...usualSettings, ...settings },
    state: join(dir, 'state'),
  });
  const server = await serveSocket({
    path,
    clock: systemClock,
    log: quietLog,
    maxConnections: 100,
    maxOfOneQube: 100,
    onCall: orchestratorDoor(opened.office),
  });
  const running = {
    ...opened,
    dir,
    path,
    caller: (source: string) => socketCaller(path, source),
    async stop() {
      await server.close();
      await running.close();
      rmSync(dir, { recursive: true });
    },
  };
  return running;
}

export function sha(bytes: Uint8Array | string): Sha256 {
  return parseSha256(createHash('sha256').update(bytes).digest('hex'));
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** A call whose objects come back as buffers. */
export async function call(
  caller: Caller,
  ...[contract, argument, request, bytes = []]: readonly [
    Parameters<Caller['call']>[0],
    string,
    object,
    (readonly (Uint8Array | string)[])?,
  ]
): Promise<{ reply: never; objects: Buffer[] }> {
  const objects = bytes.map((one) => bufferObject(Buffer.from(one)));
  const answer = await caller.call(contract, argument as never, request, { objects });
  const received: Buffer[] = [];
  for await (const object of answer.objects) received.push(await object.buffer(2 ** 28));
  await answer.done();
  return { reply: answer.reply as never, objects: received };
}

export type Leased = NonNullable<ReturnType<typeof lease.parseReply>['job']>;

/** A role's qube: leases, fetches and returns by hand. */
export class TestWorker {
  readonly caller: Caller;
  constructor(
    readonly path: string,
    readonly queue: Queue,
    readonly qube = `rebuilder-${queue}`,
  ) {
    this.caller = socketCaller(path, qube);
  }

  async lease(request: object = { waitMs: 0 }): Promise<Leased | null> {
    const { reply } = await call(this.caller, lease as never, this.queue, request);
    return (reply as { job: Leased | null }).job;
  }

  async expectJob(request?: object): Promise<Leased> {
    const job = await this.lease(request);
    if (job === null) throw new Error(`no job in queue ${this.queue}`);
    return job;
  }

  async fetch(job: Leased, shas: readonly Sha256[]): Promise<Buffer[]> {
    const request = { job: job.id, fence: job.fence, want: 'content', sha256: shas };
    return (await call(this.caller, fetchObjects as never, this.queue, request)).objects;
  }

  async present(job: Leased, shas: readonly Sha256[]): Promise<string> {
    const request = { job: job.id, fence: job.fence, want: 'presence', sha256: shas };
    const { reply } = await call(this.caller, fetchObjects as never, this.queue, request);
    return (reply as { present: string }).present;
  }

  async give(job: Leased, outcome: object, objects: readonly (Uint8Array | string)[] = []): Promise<string> {
    const request = { job: job.id, fence: job.fence, digest: sha(json(outcome)), outcome };
    const { reply } = await call(this.caller, returnOutcome as never, this.queue, request, objects);
    return (reply as { result: string }).result;
  }
}

export function workersOf(path: string): Readonly<Record<Queue, TestWorker>> {
  return Object.fromEntries(queues.map((queue) => [queue, new TestWorker(path, queue)])) as never;
}

export async function view(path: string, name: View, request: object = {}): Promise<never[]> {
  const { objects } = await call(socketCaller(path, 'rebuilder-admin'), query as never, name, request);
  const text = objects.map((bytes) => bytes.toString('utf8')).join('');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as never);
}

/** The documents of one build of `sed`, from its feed to its attestation. */
export function documents(source = 'sed', version = '4.9-1') {
  const release = Buffer.from('InRelease');
  const packages = Buffer.from('Packages');
  const evidence = json({
    v: 1,
    dist: 'bookworm.amd64',
    releases: [
      {
        archive: 'http://mirror/',
        suite: 'bookworm',
        release: sha(release),
        signature: null,
        indexes: [{ path: 'main/binary-amd64/Packages', sha256: sha(packages), size: packages.length }],
      },
    ],
  });
  const name = `${source}_${version}_amd64.deb`;
  const official = Buffer.from(`official ${name}`);
  const build = {
    dist: 'bookworm.amd64',
    source,
    sourceVersion: version,
    version,
    architecture: 'amd64',
    parts: ['any'],
    environment: { kind: 'inferred' },
    evidence: sha(evidence),
  };
  const feedBuild = { build, priority: 3, files: [{ name, sha256: sha(official), size: official.length }] };
  const dsc = Buffer.from(`dsc of ${source}`);
  const dependency = Buffer.from('a .deb of the archive');
  const recipe = json({
    v: 1,
    kind: 'deb',
    buildArchitecture: 'amd64',
    dependencies: [],
    inputs: [
      { name: `${source}_${version}.dsc`, role: 'source', sha256: sha(dsc), size: dsc.length },
      { name: 'libc6_2.36_amd64.deb', role: 'dependency', sha256: sha(dependency), size: dependency.length },
    ],
    source,
    sourceVersion: version,
    version,
    parts: ['any'],
    dsc: `${source}_${version}.dsc`,
    buildPath: '/build/reproducible-path/sed-4.9',
    environment: [],
    binaryOnlyChanges: null,
    environmentKind: 'inferred',
    selfHosted: true,
    expect: [name],
  });
  const log = Buffer.from(`log of ${source}\n`);
  const report = (status: 'done' | 'failed', rebuilt: Uint8Array = official) =>
    json({
      v: 1,
      builder: {
        v: 1,
        status,
        code: status === 'done' ? null : 'build-failed',
        say: status,
        seconds: { environment: 1.5, build: 2.5 },
        limitedBy: 'cgroup v2',
        base: 'made',
        extra: [],
      },
      log: sha(log),
      files: status === 'done' ? [{ name, sha256: sha(rebuilt), size: rebuilt.length }] : [],
      rebuilder: { version: '0.1.0', inputBytes: 1 },
    });
  const key = parseFingerprint('AB'.repeat(20));
  const link = Buffer.from(`link of ${source} ${version}`);
  const path = `debian/sources/${source}/${version}/metadata`;
  const attestation = json({
    v: 1,
    verdict: 'reproducible',
    code: null,
    say: 'all files are identical',
    environment: 'inferred',
    selfHosted: true,
    files: [
      {
        name,
        package: source,
        version,
        architecture: 'amd64',
        officialSha256: sha(official),
        rebuiltSha256: sha(official),
        verdict: 'reproducible',
      },
    ],
    publish: [{ path, sha256: sha(link), size: link.length, signedBy: key }],
    signedBy: [key],
  });
  const builds = formatJsonLines([feedBuild]);
  return {
    release,
    packages,
    evidence,
    name,
    official,
    build,
    feedBuild,
    builds,
    dsc,
    dependency,
    recipe,
    log,
    report,
    link,
    key,
    path,
    attestation,
  };
}

export const feedDone = (builds: Uint8Array, count = 1) => ({
  status: 'done',
  kind: 'feed',
  builds: sha(builds),
  count,
  resume: 'seen up to here',
  say: `${count} new`,
});
export const failed = (code: string, fault = 'package') => ({
  status: 'failed',
  code,
  fault,
  say: code,
  log: null,
  files: [],
});

export async function triggerGet(path: string) {
  return (await call(socketCaller(path, 'rebuilder-admin'), trigger as never, 'get', {})).reply as {
    submitted: number;
  };
}

/** Takes one build as far as a job of that stage waits. */
export async function upTo(path: string, stage: 'inputs' | 'rebuild' | 'attest', docs = documents()) {
  const { get, rebuild } = workersOf(path);
  await triggerGet(path);
  const { builds, evidence, release, packages, recipe, dsc, dependency, official, log } = docs;
  await get.give(await get.expectJob(), feedDone(builds), [builds, evidence, release, packages]);
  if (stage === 'inputs') return;
  const done = { status: 'done', kind: 'inputs', recipe: sha(recipe), buildinfo: null };
  await get.give(await get.expectJob(), done, [recipe, dsc, dependency]);
  if (stage === 'rebuild') return;
  const report = docs.report('done');
  await rebuild.give(await rebuild.expectJob(), { status: 'done', report: sha(report) }, [
    report,
    log,
    official,
  ]);
}
