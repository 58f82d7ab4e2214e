import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatJsonLines } from '../../../../daemons/lib/contracts/json-lines.ts';
import type { QueryRequests } from '../../../../daemons/lib/contracts/query.ts';
import { CallError } from '../../../../daemons/lib/wire/call.ts';
import type { FakeServices } from '../../../support/fake-caller.ts';
import { resultRow } from '../../reporter/rows.ts';
import { runWith } from '../run.ts';

let dir: string;
let line: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'command-'));
  await chmod(dir, 0o711);
  line = join(dir, 'line.mjs');
  await writeFile(
    line,
    `import { copyFileSync } from 'node:fs';
     const at = (name) => process.argv[process.argv.indexOf(name) + 1];
     copyFileSync(at('--config'), ${JSON.stringify(join(dir, 'seen.conf'))});
     process.on('SIGTERM', () => process.exit(0));
     process.stdout.write('{"ready":true,"adminSocket":"/run/x"}\\n');
     process.stdin.resume();`,
  );
});
afterEach(() => rm(dir, { recursive: true }));

const feedId = 'aaaaaaaaaaaaaaaa.feed';

function job(id: string, changes: object) {
  return {
    id,
    build: id === feedId ? null : id.slice(0, 16),
    queue: 'get',
    kind: 'feed',
    about: 'dash 0.5 of sid.amd64 sid.all',
    state: 'settled',
    holder: null,
    tries: 1,
    submitted: 1,
    changed: 2,
    progress: null,
    code: null,
    say: null,
    ...changes,
  };
}

function hashOf(bytes: string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** An orchestrator that moves on by one step each time it is asked for jobs. */
function orchestrator(
  steps: readonly Readonly<{ jobs: object[]; results?: object[] }>[],
  objects: string[] = [],
) {
  let step = -1;
  const byHash = new Map(objects.map((bytes) => [hashOf(bytes), bytes]));
  const asked: unknown[] = [];
  const now = () => steps[Math.min(Math.max(step, 0), steps.length - 1)];
  const services: FakeServices = {
    'rebuilder.Trigger+rebuild': ({ request, objects: sent }) => {
      asked.push(request, ...sent.map(String));
      return { reply: { submitted: 1, jobs: [feedId] } };
    },
    'rebuilder.Query+jobs': () => {
      step += 1;
      return { objects: [formatJsonLines(now()?.jobs ?? [])] };
    },
    'rebuilder.Query+results': () => ({ objects: [formatJsonLines(now()?.results ?? [])] }),
    'rebuilder.Query+log': ({ request }) => {
      const { offset } = request as QueryRequests['log'];
      return { reply: { running: true, offset }, objects: ['a log line\n'.slice(offset)] };
    },
    'rebuilder.Query+result': ({ request }) => {
      const { build } = request as QueryRequests['result'];
      const row = now()?.results?.find((one) => (one as { build: string }).build === build);
      return { objects: [formatJsonLines([wholeOf(row as ReturnType<typeof resultRow>)])] };
    },
    'rebuilder.Query+object': ({ request }) => {
      const { sha256 } = request as QueryRequests['object'];
      return {
        objects: sha256.map((hash) => {
          const bytes = byHash.get(hash);
          if (bytes === undefined) throw new CallError('not-found', `no object ${hash}`, true);
          return bytes;
        }),
      };
    },
  };
  return { services, asked };
}

const deb = 'the rebuilt .deb';
const link = 'the link';
const inRelease = 'signed Release';
const index = 'Packages';
const evidence = JSON.stringify({
  v: 1,
  dist: 'sid.amd64',
  releases: [
    {
      archive: 'http://a.example/debian',
      suite: 'sid',
      release: hashOf(inRelease),
      signature: null,
      indexes: [{ path: 'main/binary-amd64/Packages.xz', sha256: hashOf(index), size: index.length }],
    },
  ],
});
const report = JSON.stringify({
  v: 1,
  builder: {
    v: 1,
    status: 'done',
    code: null,
    say: '',
    seconds: { environment: 1, build: 2 },
    limitedBy: 'rlimits',
    base: 'made',
    extra: [],
  },
  log: hashOf('log'),
  files: [{ name: 'dash_0.5_amd64.deb', sha256: hashOf(deb), size: deb.length }],
  rebuilder: { version: '0.1.0', inputBytes: 1 },
});
const documents = [deb, link, inRelease, index, evidence, report, 'log', 'recipe', 'attestation'];

function wholeOf(row: ReturnType<typeof resultRow>) {
  return {
    row,
    spec: {
      dist: row.dist,
      source: row.source,
      sourceVersion: row.sourceVersion,
      version: row.version,
      architecture: 'amd64',
      parts: row.parts,
      environment: { kind: 'inferred' },
      evidence: hashOf(evidence),
    },
    recipe: hashOf('recipe'),
    report: hashOf(report),
    buildinfo: null,
    evidence: hashOf(evidence),
    publish: [{ path: 'debian/sources/dash/0.5/metadata', sha256: hashOf(link) }],
  };
}

const row = resultRow({
  build: 'bbbbbbbbbbbbbbbb',
  source: 'dash',
  version: '0.5',
  sourceVersion: '0.5',
  dist: 'sid.amd64',
  log: hashOf('log'),
  attestation: hashOf('attestation'),
});
const building = { about: 'dash 0.5 any sid.amd64' };
const steps = [
  { jobs: [job(feedId, { state: 'leased' })] },
  {
    jobs: [
      job(feedId, { say: '1 build' }),
      job('bbbbbbbbbbbbbbbb.rebuild', { ...building, state: 'leased', queue: 'rebuild', progress: 'build' }),
    ],
    results: [{ ...row, state: 'running', verdict: null }],
  },
  {
    jobs: [job(feedId, { say: '1 build' }), job('bbbbbbbbbbbbbbbb.attest', { ...building, queue: 'attest' })],
    results: [row],
  },
];

function rebuild(services: FakeServices, ...more: string[]) {
  return runWith(services, ['rebuild', 'dash', '--suite', 'sid', '--architecture', 'amd64', ...more], {
    line,
    env: { XDG_CACHE_HOME: join(tmpdir(), `${dir.slice(dir.lastIndexOf('/') + 1)}-cache`) },
  });
}
afterEach(() => rm(`${dir}-cache`, { recursive: true, force: true }));

describe('rebuilderctl rebuild', () => {
  it('tells why a job failed that ended between two looks', async () => {
    const inputs = 'bbbbbbbbbbbbbbbb.inputs';
    const [first] = steps;
    const { services } = orchestrator([
      ...(first === undefined ? [] : [first]),
      {
        jobs: [job(feedId, { say: '1 build' }), job(inputs, { ...building, state: 'leased' })],
        results: [{ ...row, state: 'failure', verdict: 'failure', code: 'source-missing' }],
      },
      {
        jobs: [
          job(feedId, { say: '1 build' }),
          job(inputs, { ...building, code: 'source-missing', say: 'dash_0.5.tar.xz: not found' }),
        ],
        results: [{ ...row, state: 'failure', verdict: 'failure', code: 'source-missing' }],
      },
    ]);
    const { code, err } = await rebuild(services, '--json');
    expect(err).toContain('source-missing (dash_0.5.tar.xz: not found)');
    expect(code).toBe(2);
  });

  it('asks a line of its own, tells each stage, and prints one object', async () => {
    const { services, asked } = orchestrator(steps);
    const { code, out, err } = await rebuild(services, '--json');
    expect(err.split('\n').map((text) => text.replace(/^ +[\d.]+ s {2}/, ''))).toEqual([
      'dash 0.5 of sid.amd64 sid.all: reading the archive',
      'dash 0.5 of sid.amd64 sid.all: done reading the archive (1 build)',
      'dash 0.5 any sid.amd64: build',
      'dash 0.5 any sid.amd64: done judging and signing',
      '',
    ]);
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(out)).toMatchObject({
      source: 'dash',
      version: '0.5',
      environment: 'inferred',
      verdict: 'reproducible',
      code: null,
      seconds: { get: 1, inputs: 2, environment: 3, build: 4, attest: 5 },
    });
    expect(asked).toEqual([{ v: 1, kind: 'rebuild', dists: ['sid.amd64', 'sid.all'], source: 'dash' }]);
    expect(await readFile(join(dir, 'seen.conf'), 'utf8')).toContain('max_retries = 0');
  });

  it('writes files, log, evidence and links to the output folder', async () => {
    const { services } = orchestrator(steps, documents);
    const output = join(dir, 'out');
    const { code, err } = await rebuild(services, '--output', output, '--json');
    expect(code, err).toBe(0);
    const written: Record<string, string> = {};
    for (const item of await readdir(output, { recursive: true, withFileTypes: true })) {
      if (item.isFile()) {
        const path = join(item.parentPath, item.name);
        written[path.slice(output.length + 1)] = await readFile(path, 'utf8');
      }
    }
    expect(written).toEqual({
      'dash_0.5_amd64.deb': deb,
      'dash_0.5_any.log': 'log',
      'dash_0.5_any.recipe.json': 'recipe',
      'dash_0.5_any.report.json': report,
      'dash_0.5_any.attestation.json': 'attestation',
      'debian/sources/dash/0.5/metadata': link,
      'evidence/evidence.json': evidence,
      'evidence/0/InRelease': inRelease,
      'evidence/0/main/binary-amd64/Packages.xz': index,
    });
  });

  it('tells the verdict, but fails, when the output folder cannot be filled', async () => {
    const { services } = orchestrator(steps, documents.slice(1));
    const { code, out, err } = await rebuild(services, '--output', join(dir, 'out'), '--json');
    expect(JSON.parse(out).verdict).toBe('reproducible');
    expect(code).toBe(2);
    expect(err).toContain('no object');
  });

  it("shows the build's log with --log, among the notes", async () => {
    const { services } = orchestrator(steps);
    const { out, err } = await rebuild(services, '--log', '--json');
    expect(err).toContain('a log line\n');
    expect(JSON.parse(out).verdict).toBe('reproducible');
  });

  it('prints a table for people', async () => {
    const { code, out } = await rebuild(orchestrator(steps).services);
    expect(code).toBe(0);
    expect(out).toMatch(/reproducible +libcap2_2\.66-4\+deb12u3\+b1_amd64\.deb +a{64} +a{64}\n/);
    expect(out.trimEnd().split('\n').at(-1)).toBe('dash 0.5: reproducible');
  });

  it('leaves nothing in the temporary folder', async () => {
    vi.stubEnv('TMPDIR', dir);
    try {
      await rebuild(orchestrator(steps).services, '--json');
      await rebuild(orchestrator([{ jobs: [job(feedId, {})] }]).services, '--json');
    } finally {
      vi.unstubAllEnvs();
    }
    expect((await readdir(dir)).filter((name) => name.startsWith('rebuild-'))).toEqual([]);
    expect(await readdir(dir)).toContain('seen.conf');
  });

  const failures: readonly (readonly [string, readonly string[], object[], Record<string, unknown>])[] = [
    [
      'a feed that failed',
      [],
      [job(feedId, { code: 'archive-unreachable', say: 'no route' })],
      { code: 'archive-unreachable' },
    ],
    ['a feed that found nothing', [], [job(feedId, { say: 'no such source' })], { code: 'source-missing' }],
    ['a feed that was set aside', [], [job(feedId, { state: 'set-aside' })], { code: 'protocol' }],
    [
      'a build that was cancelled',
      [],
      [job(feedId, {}), job('bbbbbbbbbbbbbbbb.inputs', { state: 'cancelled' })],
      {},
    ],
    ['a name that is none', ['rebuild', 'D@sh', '--suite', 'sid', '--json'], [], { source: 'D@sh' }],
    ['a suite that is none', ['rebuild', 'dash=0.5', '--suite', '../x', '--json'], [], { version: '0.5' }],
    ['an unknown option', ['rebuild', 'dash', '--suite', 'sid', '--jsno', '--json'], [], { source: 'dash' }],
    ['no suite', ['rebuild', '--json', 'dash'], [], { source: 'dash' }],
    [
      'a buildinfo that is not there',
      ['rebuild', 'dash', '--suite', 'sid', '--buildinfo', '/nonexistent', '--json'],
      [],
      { environment: 'buildinfo' },
    ],
    [
      'a configuration that is not there',
      ['rebuild', 'dash', '--suite', 'sid', '--conf', '/nonexistent', '--json'],
      [],
      { code: 'sandbox' },
    ],
  ];
  it.each(failures)('prints exactly one object for %s', async (_what, args, jobs, expected) => {
    const { services } = orchestrator([
      { jobs, results: jobs.length > 1 ? [{ ...row, verdict: null }] : [] },
    ]);
    const { code, out, err } =
      args.length > 0 ? await runWith(services, args, { line, env: {} }) : await rebuild(services, '--json');
    expect(code).toBe(2);
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    const object = JSON.parse(out);
    expect(Object.keys(object)).toEqual([
      'source',
      'version',
      'environment',
      'verdict',
      'code',
      'files',
      'seconds',
    ]);
    expect(object).toMatchObject({ verdict: 'failure', files: [], ...expected });
    expect(object.code).toEqual(expect.any(String));
    expect(err).not.toBe('');
  });

  it('prints one object when the line cannot start, with its reason', async () => {
    await writeFile(
      line,
      `process.stderr.write('user rebuilder-getter is missing: run make setup\\n'); process.exit(1);`,
    );
    const { code, out, err } = await rebuild({}, '--json');
    expect([code, JSON.parse(out).code]).toEqual([2, 'sandbox']);
    expect(err).toContain('run make setup');
  });
});
