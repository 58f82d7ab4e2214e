import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database } from '../../../daemons/orchestrator/ledger/embedded/database.ts';
import { openEmbedded } from '../../../daemons/orchestrator/ledger/embedded/open.ts';
import { migrate } from '../../../daemons/orchestrator/ledger/embedded/schema.ts';
import type { Opened } from './adapter.ts';
import { at, attestJob, buildOf, feedBuild, hashOf, inputsOf, kept, keyOf, plainJob } from './given.ts';
import { ledgerContract } from './suite.ts';

const dirs = new Map<Opened, string>();

function openIn(dir: string): Opened {
  const opened = openEmbedded(join(dir, 'ledger.sqlite'));
  dirs.set(opened, dir);
  return opened;
}

ledgerContract('embedded ledger', {
  open: async () => openIn(mkdtempSync(join(tmpdir(), 'ledger-'))),
  async reopen(opened) {
    await opened.ledger.close();
    return openIn(dirs.get(opened) ?? '');
  },
  async remove(opened) {
    await opened.ledger.close();
    rmSync(dirs.get(opened) ?? '', { recursive: true });
  },
});

describe('embedded ledger: closed', () => {
  it('refuses every call, and to be closed twice is nothing', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ledger-'));
    const { ledger, history } = openIn(dir);
    await ledger.close();
    await ledger.close();
    await expect(ledger.submit([plainJob('a')], at(1))).rejects.toThrow('closed');
    await expect(history.isEmpty()).rejects.toThrow('closed');
    rmSync(dir, { recursive: true });
  });

  it('is not opened when a later version wrote it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ledger-'));
    const path = join(dir, 'ledger.sqlite');
    const db = Database.open(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(() => openEmbedded(path)).toThrow('later version');
    rmSync(dir, { recursive: true });
  });
});

describe('embedded ledger: a file of the first version', () => {
  /** A result as that version wrote it. */
  function oldResult(source: string, row: object, publish: readonly string[] = []) {
    const { build: spec } = feedBuild(source);
    const known = { build: buildOf(source), dist: spec.dist, source, say: '', code: null, files: [] };
    const published = publish.map((path) => ({ path, sha256: hashOf(path) }));
    return { row: { ...known, ...row }, spec, publish: published };
  }

  it('keeps the last verdict of each build, and whose signatures are published with it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ledger-'));
    const path = join(dir, 'ledger.sqlite');
    const db = Database.open(path);
    migrate(db, 1);
    const insert = db.prepare(
      `INSERT INTO results (build, dist, source, state, changed, whole) VALUES (?, 'bookworm.amd64', ?, ?, ?, ?)`,
    );
    const attestation = hashOf('attestation');
    const links = ['debian/sources/aa/1.0-1/metadata', 'debian/sources/aa/1.0-1/rebuild.a03442f3.link'];
    const both = [...links, `debian/${keyOf('A')}.asc`, `debian/${keyOf('B')}.asc`, 'debian/root.layout'];
    const results = [
      ['aa', 'reproducible', oldResult('aa', { verdict: 'reproducible', attestation }, both)],
      ['bb', 'failure', oldResult('bb', { verdict: 'failure', code: 'build-failed', say: 'no' })],
      ['cc', 'pending', oldResult('cc', { verdict: null, attestation }, both)],
      [
        'dd',
        'reproducible',
        oldResult('dd', { verdict: 'reproducible', attestation: null }, ['debian/x.asc']),
      ],
    ] as const;
    for (const [index, [source, state, whole]] of results.entries()) {
      insert.run(buildOf(source), source, state, at(index).wall, JSON.stringify(whole));
    }
    db.close();

    const { ledger, history } = openEmbedded(path);
    const told = async (source: string) => ({
      verdicts: (await history.verdicts(buildOf(source), { limit: 10 })).rows,
      attested: (await history.result(buildOf(source)))?.row.attested,
    });
    expect(await told('aa')).toEqual({
      verdicts: [
        {
          build: buildOf('aa'),
          at: at(0).wall,
          verdict: 'reproducible',
          code: null,
          say: '',
          attestation,
          signedBy: [keyOf('A'), keyOf('B')],
        },
      ],
      attested: [{ verdict: 'reproducible', at: at(0).wall }],
    });
    expect(await told('bb')).toMatchObject({
      verdicts: [{ verdict: 'failure', code: 'build-failed', say: 'no', attestation: null, signedBy: [] }],
      attested: [],
    });
    expect(await told('cc')).toEqual({ verdicts: [], attested: [] });
    expect(await told('dd')).toMatchObject({ verdicts: [{ signedBy: [] }], attested: [] });
    await ledger.submit([inputsOf('aa', { again: 'settled' })], at(5));
    expect((await told('aa')).attested).toHaveLength(1);
    await ledger.close();
    rmSync(dir, { recursive: true });
  });

  it('tells of each published document which key signed it, and of each build whether its files are here', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ledger-'));
    const path = join(dir, 'ledger.sqlite');
    const db = Database.open(path);
    migrate(db, 1);
    const insert = db.prepare(
      `INSERT INTO results (build, dist, source, state, changed, whole)
       VALUES (?, 'bookworm.amd64', ?, 'reproducible', 1, ?)`,
    );
    const publish = db.prepare(`INSERT INTO publication VALUES (?, ?, 1, 'attested', 'src')`);
    const refer = db.prepare('INSERT INTO refs VALUES (?, ?, ?)');
    const job = db.prepare(
      `INSERT INTO jobs (id, queue, kind, payload, about, dist, build, priority, line, again, rest, state, not_before,
         submitted, changed)
       VALUES (?, 'attest', 'build', ?, '', 'bookworm.amd64', ?, 1, 1, 'settled', 0, 'settled', 0, 0, 0)`,
    );
    for (const source of ['aa', 'bb']) {
      const folder = `debian/sources/${source}/1.0-1`;
      const bad = `debian/unreproducible/sources/${source}/1.0-1/rebuild.11111111.amd64.link`;
      const good = [`${folder}/metadata`, `${folder}/rebuild.00000000.link`, `${folder}/evidence.amd64.json`];
      const paths = [
        ...good,
        `debian/${keyOf('A')}.asc`,
        bad,
        `debian/${keyOf('B')}.asc`,
        'debian/root.layout',
      ];
      const files = [hashOf(`${source} file`), null].map((rebuiltSha256) => ({ rebuiltSha256 }));
      insert.run(
        buildOf(source),
        source,
        JSON.stringify(oldResult(source, { verdict: 'reproducible', version: '1.0-1', files }, paths)),
      );
      for (const one of [...good, bad]) publish.run(one, hashOf(one));
      job.run(attestJob(source).id, JSON.stringify(attestJob(source).payload), buildOf(source));
      for (const { owner, role, objects } of kept(source)) {
        if (source === 'bb' && role === 'evidence') continue;
        for (const object of objects) if (object !== hashOf('bb file')) refer.run(owner, role, object);
      }
    }
    // Somebody else's by now.
    db.exec(
      `UPDATE publication SET sha256 = '${hashOf('x')}' WHERE path = 'debian/sources/bb/1.0-1/metadata'`,
    );
    db.close();

    const { ledger, history } = openEmbedded(path);
    const told = async (key: 'A' | 'B') =>
      new Map(
        (await history.signedBy(keyOf(key), { limit: 10 })).rows.map(({ source, documents, next }) => [
          source,
          [documents, next],
        ]),
      );
    expect(await told('A')).toEqual(
      new Map([
        ['aa', [2, 'sign']],
        ['bb', [1, 'rebuild']],
      ]),
    );
    expect(await told('B')).toEqual(
      new Map([
        ['aa', [1, 'sign']],
        ['bb', [1, 'rebuild']],
      ]),
    );
    await ledger.close();
    rmSync(dir, { recursive: true });
  });
});

describe('embedded ledger: steps of one turn', () => {
  it('share a commit, and one that fails undoes itself alone', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ledger-'));
    const db = Database.open(join(dir, 'x.sqlite'));
    db.exec('CREATE TABLE t (a INTEGER)');
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    const steps = [1, 2, 3].map((value) =>
      db.step(() => {
        insert.run(value);
        if (value === 2) throw new Error('not this one');
        return value;
      }),
    );
    const settled = await Promise.allSettled(steps);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(
      db
        .prepare<{ a: number }>('SELECT a FROM t')
        .all()
        .map(({ a }) => a),
    ).toEqual([1, 3]);
    db.close();
    rmSync(dir, { recursive: true });
  });
});
