import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database } from '../../../daemons/orchestrator/ledger/embedded/database.ts';
import { openEmbedded } from '../../../daemons/orchestrator/ledger/embedded/open.ts';
import { at, plainJob } from './given.ts';
import { ledgerContract, type Opened } from './suite.ts';

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
