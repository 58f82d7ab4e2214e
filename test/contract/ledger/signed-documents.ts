import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fingerprint, parsePublicationPath } from '../../../daemons/lib/domain/names.ts';
import type { History, Ledger } from '../../../daemons/orchestrator/ledger/port.ts';
import type { Adapter, Opened } from './adapter.ts';
import { ask, at, attestJob, buildOf, ending, hashOf, heldOf, inputsOf, kept, keyOf } from './given.ts';

/** Which keys signed what is published, and its replacement: part of the ledger's contract. */
export function signedDocumentsContract(name: string, adapter: Adapter): void {
  let opened: Opened;
  let ledger: Ledger;
  let history: History;
  beforeEach(async () => {
    opened = await adapter.open();
    ({ ledger, history } = opened);
  });
  afterEach(() => adapter.remove(opened));

  const stateOf = async (id: string) => (await history.job(id))?.state;

  describe(`${name}: documents signed by a key that is not to be believed any more`, () => {
    const [old, next] = [keyOf('A'), keyOf('B')];
    const folder = 'debian/sources/src/1.0';
    const file = (path: string, key: Fingerprint | undefined) => ({
      path: parsePublicationPath(path),
      sha256: hashOf(`${path} ${key}`),
      size: 1,
      signedBy: key,
    });
    /** What an attester publishes for a build of that architecture, all of one source version. */
    const documents = (architecture: string, key: Fingerprint) => {
      const short = key.slice(0, 8).toLowerCase();
      return [
        file(`debian/sources/bin-${architecture}/1.0/metadata`, key),
        file(`${folder}/rebuild.${short}.${architecture}.link`, key),
        file(`${folder}/rebuild.${short}.link`, key),
        file(`${folder}/evidence.${architecture}.json`, undefined),
        file(`debian/${key}.asc`, undefined),
      ];
    };
    /** Attests a build, leaving in its place what is kept of it. */
    const attest = async (name: string, ms: number, key: Fingerprint, architecture = name) => {
      await ledger.submit([inputsOf(name), attestJob(name, { group: 'src 1.0', again: 'settled' })], at(ms));
      const job = await ledger.lease(ask('attester', { queue: 'attest', until: ms + 60 }), at(ms));
      expect(job?.about).toBe(name);
      const end = ending(
        `${name} ${ms}`,
        { is: 'done' },
        {
          references: kept(name),
          result: { state: 'reproducible', verdict: 'reproducible', signedBy: [key] },
          publish: { class: 'attested', group: 'src 1.0', files: documents(architecture, key) },
        },
      );
      expect(await ledger.settle(heldOf(job), end, at(ms))).toBe('settled');
    };
    const published = async () => (await history.publication({ limit: 100 })).rows.map(({ path }) => path);
    const links = async () => (await published()).filter((path) => path.endsWith('.link'));
    const told = async (key = old) =>
      (await history.signedBy(key, { limit: 100 })).rows.map((row) => [row.source, row.next, row.documents]);
    const replace = async (ms: number, rebuild = false) => {
      const builds = (await history.signedBy(old, { limit: 100 })).rows.map(({ build }) => build);
      return await ledger.replace(old, builds, { rebuild }, at(ms));
    };
    const oldLinks = [
      `${folder}/rebuild.aaaaaaaa.aa.link`,
      `${folder}/rebuild.aaaaaaaa.bb.link`,
      `${folder}/rebuild.aaaaaaaa.link`,
    ];
    const newLinks = oldLinks.map((path) => path.replace('aaaaaaaa', 'bbbbbbbb'));

    it('are told by build, with what it takes to replace them', async () => {
      await attest('aa', 1, old);
      await attest('bb', 2, old);
      await attest('cc', 3, next);
      const rows = (await history.signedBy(old, { limit: 100 })).rows;
      expect([...rows].sort((one, other) => (one.source < other.source ? -1 : 1))).toEqual([
        {
          build: buildOf('aa'),
          dist: 'bookworm.amd64',
          source: 'aa',
          version: '1.0-1',
          state: 'reproducible',
          documents: 2,
          next: 'sign',
        },
        expect.objectContaining({ source: 'bb', documents: 3, next: 'sign' }),
      ]);
      const first = await history.signedBy(old, { limit: 1 });
      const second = await history.signedBy(old, { limit: 1, cursor: first.cursor ?? '' });
      expect([...first.rows, ...second.rows]).toEqual(rows);
      await ledger.forget([hashOf('aa file')]);
      await ledger.steer({ job: attestJob('bb').id }, 'requeue', at(4));
      expect(new Set(await told())).toEqual(
        new Set([
          ['aa', 'rebuild', 2],
          ['bb', 'wait', 3],
        ]),
      );
    });

    it('are replaced where files are kept; the links of upstream’s names go once others stand, the common one last', async () => {
      await attest('aa', 1, old);
      await attest('bb', 2, old);
      expect(await history.revoked()).toEqual([]);
      expect(await replace(3)).toEqual({ begun: 2, withdrawn: 0 });
      expect(new Set(await told())).toEqual(
        new Set([
          ['aa', 'wait', 2],
          ['bb', 'wait', 3],
        ]),
      );
      expect(await replace(3)).toEqual({ begun: 0, withdrawn: 0 });
      expect(await history.revoked()).toEqual([
        { key: old, since: at(3).wall, builds: 2, stillSigns: false },
      ]);
      const before = await published();
      await attest('aa', 4, next);
      expect(await links()).toEqual([...oldLinks.slice(1), newLinks[0], newLinks[2]]);
      expect(await told()).toEqual([['bb', 'wait', 3]]);
      await attest('bb', 5, next);
      expect(await links()).toEqual(newLinks);
      expect(await told()).toEqual([]);
      expect(await history.revoked()).toEqual([]);
      const gone = before.filter((path) => !path.includes('rebuild.aaaaaaaa'));
      expect(await published()).toEqual(expect.arrayContaining(gone));
    });

    it('that others replaced during an overlap are withdrawn at once, and nobody begins again for them', async () => {
      await attest('aa', 1, old);
      await attest('aa', 2, next);
      expect(await links()).toEqual([oldLinks[0], oldLinks[2], newLinks[0], newLinks[2]]);
      expect(await told()).toEqual([['aa', 'withdraw', 2]]);
      expect(await replace(3)).toEqual({ begun: 0, withdrawn: 2 });
      expect(await links()).toEqual([newLinks[0], newLinks[2]]);
      expect(await stateOf(attestJob('aa').id)).toBe('settled');
    });

    it('are done anew from the inputs where files are gone, only if that is asked for', async () => {
      await ledger.submit([inputsOf('aa')], at(1));
      const getter = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(1)));
      await ledger.settle(getter, ending('in'), at(1));
      await attest('aa', 1, old);
      await ledger.forget([hashOf('aa other file')]);
      expect(await told()).toEqual([['aa', 'rebuild', 3]]);
      expect(await replace(2)).toEqual({ begun: 0, withdrawn: 0 });
      expect(await replace(3, true)).toEqual({ begun: 1, withdrawn: 0 });
      expect([await stateOf(inputsOf('aa').id), await stateOf(attestJob('aa').id)]).toEqual([
        'pending',
        'settled',
      ]);
      expect((await history.result(buildOf('aa')))?.row.state).toBe('pending');
    });

    it('stay where nothing takes their place: a failure takes nothing out', async () => {
      await attest('aa', 1, old);
      await replace(2);
      const held = heldOf(await ledger.lease(ask('attester', { queue: 'attest', until: 60 }), at(3)));
      const result = { state: 'failure', verdict: 'failure', code: 'signing' } as const;
      const before = await published();
      await ledger.settle(held, ending('x', { is: 'failed', code: 'signing' }, { result }), at(4));
      expect(await published()).toEqual(before);
      expect(await told()).toEqual([['aa', 'sign', 3]]);
      expect(await replace(5)).toEqual({ begun: 1, withdrawn: 0 });
    });

    it('are withdrawn without others in their place once that was tried, and what other keys signed is not', async () => {
      await attest('aa', 1, old);
      await attest('bb', 2, next);
      const before = await published();
      expect(await ledger.withdraw(old, at(3))).toBe(0);
      await replace(4);
      expect(await ledger.withdraw(old, at(5))).toBe(0);
      expect(await published()).toEqual(before);
      await ledger.steer({ job: attestJob('aa').id }, 'cancel', at(6));
      expect(await ledger.withdraw(old, at(7))).toBe(3);
      expect(await ledger.withdraw(old, at(8))).toBe(0);
      const others = before.filter((path) => !path.includes('aaaaaaaa') && !path.includes('bin-aa'));
      expect(await published()).toEqual(others);
      expect([await told(), await history.revoked()]).toEqual([[], []]);
    });

    it('are never withdrawn that the key signed since, for it may still be in use', async () => {
      await attest('aa', 1, old);
      await replace(2);
      await attest('aa', 3, old);
      expect(await ledger.withdraw(old, at(4))).toBe(0);
    });

    it('say so where the key signs on, and a key that was named by mistake is believed again', async () => {
      await attest('aa', 1, old);
      await replace(2);
      await attest('aa', 3, old);
      expect(await history.revoked()).toMatchObject([{ key: old, builds: 1, stillSigns: true }]);
      expect(await ledger.believe(old, at(4))).toBe(1);
      expect(await ledger.believe(old, at(4))).toBe(0);
      expect(await history.revoked()).toEqual([]);
      await attest('aa', 5, next);
      expect(await links()).toContain(oldLinks[0]);
    });

    it('are forgotten by no restart', async () => {
      await attest('aa', 1, old);
      await replace(2);
      opened = await adapter.reopen(opened);
      ({ ledger, history } = opened);
      expect(await history.revoked()).toMatchObject([{ key: old, builds: 1 }]);
      await attest('aa', 3, next);
      expect(await links()).toEqual([newLinks[0], newLinks[2]]);
    });
  });
}
