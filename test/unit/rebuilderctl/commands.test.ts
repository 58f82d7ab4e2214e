import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatJsonLines } from '../../../daemons/lib/contracts/json-lines.ts';
import type { QueryRequests } from '../../../daemons/lib/contracts/query.ts';
import { CallError } from '../../../daemons/lib/wire/call.ts';
import { resultRow } from '../reporter/rows.ts';
import { runWith } from './run.ts';

const status = {
  version: '0.1.0',
  now: 1_764_000_000_000,
  queues: [{ queue: 'get', pending: 3, leased: 1, setAside: 0, paused: true }],
  states: [{ dist: 'bookworm.amd64', state: 'reproducible', count: 7 }],
  workers: [
    { qube: 'rebuilder-getter', queue: 'get', lastSeen: 1_763_999_990_000, jobs: ['abcdefghijklmnop.feed'] },
  ],
  feeds: [{ dist: 'bookworm.amd64', lastRead: null, say: null, next: null }],
  revoked: [
    { key: 'AB'.repeat(20), since: 1_763_999_990_000, builds: 12, stillSigns: false },
    { key: 'CD'.repeat(20), since: 1_763_999_990_000, builds: 1, stillSigns: true },
  ],
  notices: [
    { code: 'key-expires', say: 'key \u001b[2J', at: 1_764_864_000_000, qube: 'attester', queue: 'attest' },
    { code: 'layout-lacks-key', say: 'not there', at: null, qube: 'attester', queue: 'attest' },
    { code: 'layout-expired', say: 'over', at: 1_763_913_600_000, qube: 'attester', queue: 'attest' },
  ],
  objects: { count: 12, bytes: 3 * 1_048_576, quotaBytes: 2 ** 40 },
};

describe('rebuilderctl status', () => {
  const services = { 'rebuilder.Query+status': () => ({ objects: [formatJsonLines([status])] }) };

  it('shows queues, builds, workers, feeds and disk', async () => {
    const { code, out } = await runWith(services, ['status']);
    expect(code).toBe(0);
    expect(out).toMatch(/get\s+3\s+1\s+0\s+paused/);
    expect(out).toMatch(/bookworm\.amd64\s+reproducible\s+7/);
    expect(out).toMatch(/rebuilder-getter\s+get\s+10 s ago\s+abcdefghijklmnop\.feed/);
    expect(out).toMatch(/bookworm\.amd64\s+never/);
    expect(out).toContain('objects: 12, 3.0 MiB of 1.0 TiB');
  });

  it('begins with what somebody has to do something about, coloured on a terminal alone', async () => {
    const { out } = await runWith(services, ['status']);
    expect(out.split('\n').slice(2, 6)).toEqual([
      'key-expires (attester, in 10 d): key \\x1b[2J',
      'layout-lacks-key (attester): not there',
      'layout-expired (attester, 24 h ago): over',
      '',
    ]);
    const coloured = await runWith(services, ['status'], { isTTY: true });
    expect(coloured.out).toContain('\u001b[35mkey-expires\u001b[0m (attester');
    expect(coloured.out).toContain('\u001b[31mlayout-lacks-key\u001b[0m (attester)');
  });

  it('tells how much a revoked key still signed, and that it still signs', async () => {
    const { out } = await runWith(services, ['status']);
    expect(out).toMatch(/(AB){20} +10 s ago +12 +rebuilderctl resign --signed-by (AB){20}\n/);
    expect(out).toMatch(/(CD){20} +10 s ago +1 +still signs/);
  });

  it('is one object with --json', async () => {
    expect(JSON.parse((await runWith(services, ['status', '--json'])).out)).toEqual(status);
  });

  it('says what to do when the policy refuses', async () => {
    const { code, out, err } = await runWith({}, ['status']);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/request refused\n.*policy/);
  });

  it('says what to do when the orchestrator is not up', async () => {
    const { code, err } = await runWith(
      {
        'rebuilder.Query+status': () => {
          throw new CallError('unavailable', 'rebuilder.Query: nobody is there', false);
        },
      },
      ['status'],
    );
    expect(code).toBe(2);
    expect(err).toContain('systemctl start package-rebuilder-orchestrator');
  });
});

describe('rebuilderctl trigger', () => {
  it('asks for everything where nothing is named', async () => {
    const asked: unknown[] = [];
    const { code, out } = await runWith(
      {
        'rebuilder.Trigger+get': ({ request }) => {
          asked.push(request);
          return { reply: { submitted: 2, jobs: ['abcdefghijklmnop.feed', 'bbcdefghijklmnop.feed'] } };
        },
      },
      ['trigger', 'get'],
    );
    expect(code).toBe(0);
    expect(asked).toEqual([{ v: 1, kind: 'get' }]);
    expect(out).toBe('submitted: 2\nabcdefghijklmnop.feed\nbbcdefghijklmnop.feed\n');
  });

  it('sends source, version, dists and buildinfos of a rebuild', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'trigger-'));
    try {
      await writeFile(join(dir, 'a.buildinfo'), 'Format: 1.0\n');
      const seen: unknown[] = [];
      const { code, out, err } = await runWith(
        {
          'rebuilder.Trigger+rebuild': ({ request, objects }) => {
            seen.push(request, objects.map(String));
            return { reply: { submitted: 1, jobs: ['abcdefghijklmnop.feed'] } };
          },
        },
        [
          'trigger',
          'rebuild',
          'libcap2=1:2.66-4+b1',
          'bookworm.x86_64',
          'bookworm.all',
          '--buildinfo',
          join(dir, 'a.buildinfo'),
          '--json',
        ],
      );
      expect(err).toBe('');
      expect(code).toBe(0);
      expect(seen).toEqual([
        expect.objectContaining({
          source: 'libcap2',
          version: '1:2.66-4+b1',
          dists: ['bookworm.x86_64', 'bookworm.all'],
        }),
        ['Format: 1.0\n'],
      ]);
      expect(JSON.parse(out)).toEqual({ submitted: 1, jobs: ['abcdefghijklmnop.feed'] });
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('refuses what is no package, no dist, no file and no queue before it calls', async () => {
    expect(await runWith({}, ['trigger', 'rebuild', 'Libcap2', 'bookworm.amd64'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('expected a source package name'),
    });
    expect(await runWith({}, ['trigger', 'get', 'bookworm'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('no architecture'),
    });
    expect(
      await runWith({}, ['trigger', 'rebuild', 'dash', 'sid.all', '--buildinfo', '/nonexistent']),
    ).toMatchObject({ code: 2, err: expect.stringContaining('/nonexistent: cannot be read (ENOENT)') });
    expect((await runWith({}, ['trigger', 'nothing'])).code).toBe(2);
  });
});

describe('rebuilderctl results', () => {
  const services = {
    'rebuilder.Query+results': ({ request }: { request: unknown }) => {
      const { source, dist } = request as QueryRequests['results'];
      const rows = [resultRow(), resultRow({ source: 'dash', dist: 'sid.all', say: 'because' })];
      return {
        objects: [
          formatJsonLines(
            rows.filter((row) => (source ?? row.source) === row.source && (dist ?? row.dist) === row.dist),
          ),
        ],
      };
    },
  };

  it('lists builds, and the files of one source', async () => {
    const all = await runWith(services, ['results']);
    expect(all.out).toMatch(
      /libcap2\s+1:2\.66-4\+deb12u3\+b1\s+bookworm\.amd64\s+reproducible\s+abcdefghijklmnop/,
    );
    expect(all.out).toMatch(/dash .*because/);
    expect(all.out).not.toContain('.deb\n');
    const one = await runWith(services, ['results', 'libcap2']);
    expect(one.out).toMatch(/reproducible\s+libcap2_2\.66-4\+deb12u3\+b1_amd64\.deb\n/);
    expect(one.out).not.toContain('dash');
  });

  it('prints one object a line with --json', async () => {
    const { out } = await runWith(services, ['results', '--json', '--dist', 'sid.all']);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([resultRow({ source: 'dash', dist: 'sid.all', say: 'because' })]);
  });

  it('says what stays attested beside what the latest attempt came to, and with --history all that was', async () => {
    const build = 'abcdefghijklmnop';
    const attested = { verdict: 'reproducible', at: 1_764_000_000_000 };
    const row = resultRow({
      state: 'failure',
      verdict: 'failure',
      code: 'build-failed',
      attested: [attested],
    });
    const said = { build, say: '', code: null, attestation: 'c'.repeat(64) };
    const history = [
      { ...said, ...attested, signedBy: ['AB'.repeat(20)] },
      { ...said, verdict: 'failure', at: 1_765_000_000_000, code: 'build-failed', say: 'no', signedBy: [] },
    ];
    const asked: unknown[] = [];
    const both = {
      'rebuilder.Query+results': () => ({ objects: [formatJsonLines([row])] }),
      'rebuilder.Query+history': ({ request }: { request: unknown }) => {
        asked.push(request);
        return { objects: [formatJsonLines(history)] };
      },
    };
    const { out } = await runWith(both, ['results', 'libcap2', '--history']);
    expect(out).toMatch(/ failure +abcdefghijklmnop +reproducible 2025-11-24 +build-failed\n/);
    expect(out).toMatch(/2025-11-24T16:00:00Z +reproducible +signed by (AB){20}\n/);
    expect(out).toMatch(/2025-12-06T05:46:40Z +failure +nothing signed; build-failed: no\n/);
    expect(asked).toEqual([{ v: 1, build, limit: 1_000 }]);
    const json = await runWith(both, ['results', 'libcap2', '--history', '--json']);
    expect(JSON.parse(json.out)).toEqual({ ...row, history });
    expect((await runWith(both, ['results', 'libcap2'])).out).not.toContain('nothing signed');
    expect(await runWith(both, ['results', '--history'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('rebuilderctl results SOURCE --history'),
    });
  });

  it('answers no where there are none', async () => {
    expect(await runWith(services, ['results', 'zlib'])).toEqual({ code: 1, out: '', err: 'no results\n' });
  });
});

describe('rebuilderctl log', () => {
  it("follows a build's rebuild until it has ended", async () => {
    const offsets: unknown[] = [];
    const text = ['one\n', 'two\n'];
    const { code, out } = await runWith(
      {
        'rebuilder.Query+log': ({ request }) => {
          const { job, offset } = request as QueryRequests['log'];
          expect(job).toBe('abcdefghijklmnop.rebuild');
          offsets.push(offset);
          return { reply: { running: false, offset }, objects: [text.join('').slice(offset)] };
        },
      },
      ['log', 'abcdefghijklmnop', '--follow'],
    );
    expect([code, out]).toEqual([0, 'one\ntwo\n']);
    expect(offsets).toEqual([0]);
  });

  it('answers no for a job that nobody knows', async () => {
    const { code, err } = await runWith(
      {
        'rebuilder.Query+log': () => {
          throw new CallError('not-found', 'rebuilder.Query: no such job', true);
        },
      },
      ['log', 'abcdefghijklmnop.feed'],
    );
    expect([code, err]).toEqual([1, 'rebuilderctl: rebuilder.Query: no such job\n']);
  });
});

describe('rebuilderctl control', () => {
  it('steers exactly what is named', async () => {
    const seen: unknown[] = [];
    const services = {
      'rebuilder.Control+requeue': ({ request }: { request: unknown }) => {
        seen.push(request);
        return { reply: { changed: 3 } };
      },
    };
    expect(await runWith(services, ['control', 'requeue', '--dist', 'sid.all'])).toMatchObject({
      code: 0,
      out: 'changed: 3\n',
    });
    expect(seen).toEqual([{ v: 1, which: { dist: 'sid.all' } }]);
    expect(await runWith(services, ['control', 'requeue'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('0 given, expected one of --job'),
    });
    expect((await runWith(services, ['control', 'requeue', '--all', '--queue', 'get'])).code).toBe(2);
    expect((await runWith(services, ['control', 'explode', '--all'])).code).toBe(2);
  });
});

describe('rebuilderctl resign', () => {
  const key = 'AB'.repeat(20);
  const row = (source: string, next: string) => ({
    build: source.padEnd(16, 'a'),
    dist: 'bookworm.amd64',
    source,
    version: '1.0-1',
    state: next === 'wait' ? 'pending' : 'reproducible',
    documents: 3,
    next,
  });
  const asked: unknown[] = [];
  const services = (rows: readonly object[], reply: object = { changed: 2, withdrawn: 5 }) => ({
    'rebuilder.Query+signed': ({ request }: { request: unknown }) => {
      asked.push(request);
      return { objects: [formatJsonLines(rows)] };
    },
    'rebuilder.Control+resign': ({ request }: { request: unknown }) => {
      asked.push(request);
      return { reply };
    },
  });
  const all = [row('dash', 'sign'), row('sed', 'rebuild'), row('tar', 'wait'), row('gzip', 'withdraw')];
  const resign = async (rows: readonly object[], ...args: readonly string[]) => {
    asked.length = 0;
    return await runWith(services(rows), ['resign', '--signed-by', key, ...args]);
  };

  it('lists with --dry-run what there is to do, each kind apart, and asks for nothing', async () => {
    const { code, out, err } = await resign(all, '--dry-run');
    expect(code).toBe(1);
    expect(out).toMatch(/to be signed again, their rebuilt files are here: 1\nSOURCE .*\ndash +1\.0-1 /);
    expect(out).toMatch(/to be rebuilt, their rebuilt files are no longer kept: 1\n.*\nsed /);
    expect(out).toMatch(/under way: 1\n.*\ntar +1\.0-1 +bookworm\.amd64 +pending /);
    expect(out).toMatch(/old links are withdrawn: 1\n.*\ngzip /);
    expect(err).toContain('--rebuild');
    expect(asked).toEqual([{ v: 1, key, limit: 1_000 }]);
  });

  it('has it done, says what is left, and rebuilds only if told to', async () => {
    const { code, out } = await resign([row('tar', 'wait')]);
    expect(code).toBe(0);
    expect(out).toContain('begun again: 2, documents withdrawn: 5, left: 1\n');
    expect(asked[0]).toEqual({ v: 1, which: { signedBy: key }, how: 'sign' });
    expect(await resign([row('sed', 'rebuild')])).toMatchObject({ code: 1 });
    expect(await resign([row('sed', 'wait')], '--rebuild')).toMatchObject({ code: 0, err: '' });
    expect(asked[0]).toMatchObject({ how: 'rebuild' });
  });

  it('is one object with --json', async () => {
    const left = { sign: 1, rebuild: 1, wait: 1, withdraw: 1 };
    expect(JSON.parse((await resign(all, '--dry-run', '--json')).out)).toEqual({ key, left, builds: all });
    expect(JSON.parse((await resign([], '--json')).out)).toEqual({
      key,
      begun: 2,
      withdrawn: 5,
      left: { sign: 0, rebuild: 0, wait: 0, withdraw: 0 },
      builds: [],
    });
  });

  it('says when nothing is left, and takes a mistake back', async () => {
    expect(await resign([], '--dry-run')).toMatchObject({
      code: 0,
      out: 'nothing that is published is signed by it\n',
    });
    expect(await resign([], '--believe')).toMatchObject({
      code: 0,
      out: 'nothing more of it is withdrawn\n',
    });
    expect(asked).toEqual([{ v: 1, which: { signedBy: key }, how: 'believe' }]);
    for (const both of [
      ['--believe', '--rebuild'],
      ['--withdraw', '--rebuild'],
      ['--withdraw', '--dry-run'],
    ]) {
      expect([both, (await resign([], ...both)).code]).toEqual([both, 2]);
    }
    expect(await resign([], '--withdraw')).toMatchObject({
      code: 0,
      out: expect.stringContaining('documents withdrawn: 5, left: 0'),
    });
    expect(asked[0]).toMatchObject({ how: 'withdraw' });
  });

  it('takes nothing but a full fingerprint, with or without its blanks', async () => {
    for (const wrong of ['ABABABAB', 'x', '']) {
      expect(await runWith(services([]), ['resign', '--signed-by', wrong])).toMatchObject({
        code: 2,
        err: expect.stringContaining('fingerprint'),
      });
    }
    expect((await runWith(services([]), ['resign'])).code).toBe(2);
    asked.length = 0;
    await runWith(services([]), ['resign', '--signed-by', `0x${'abab '.repeat(10)}`, '--dry-run']);
    expect(asked).toMatchObject([{ key }]);
  });
});

describe('rebuilderctl version compare', () => {
  it.each([
    ['1.0~rc1', '1.0', '<'],
    ['1.0', '1.0-0', '='],
    ['1:0.1', '2', '>'],
  ])('puts %s to %s as %s', async (a, b, answer) => {
    expect(await runWith({}, ['version', 'compare', a, b])).toEqual({ code: 0, out: `${answer}\n`, err: '' });
  });

  it('refuses what is no version', async () => {
    expect(await runWith({}, ['version', 'compare', '1.0', 'a b'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('expected a Debian version'),
    });
  });
});

describe('rebuilderctl', () => {
  it('tells its commands and exit codes in --help', async () => {
    const { code, out } = await runWith({}, ['--help']);
    expect(code).toBe(0);
    for (const word of ['status', 'trigger', 'results', 'jobs', 'log', 'control', 'version', 'Exit codes']) {
      expect(out).toContain(word);
    }
  });

  it('suggests what was meant', async () => {
    expect(await runWith({}, ['statsu'])).toMatchObject({ code: 2, err: expect.stringContaining('status') });
  });
});
