import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type History,
  type Ledger,
  maxFailuresKept,
  type ResultPatch,
} from '../../../daemons/orchestrator/ledger/port.ts';
import type { Adapter, Opened } from './adapter.ts';
import { ask, at, buildOf, ending, hashOf, heldOf, inputsOf, keyOf } from './given.ts';

/** What a build was settled with: part of the ledger's contract. */
export function verdictsContract(name: string, adapter: Adapter): void {
  let opened: Opened;
  let ledger: Ledger;
  let history: History;
  beforeEach(async () => {
    opened = await adapter.open();
    ({ ledger, history } = opened);
  });
  afterEach(() => adapter.remove(opened));

  describe(`${name}: verdicts`, () => {
    const build = buildOf('aa');
    const attested = (text: string, key = 'A'): ResultPatch => ({
      state: 'reproducible',
      verdict: 'reproducible',
      say: text,
      attestation: hashOf(text),
      signedBy: [keyOf(key)],
    });
    const failed: ResultPatch = { state: 'failure', verdict: 'failure', code: 'build-failed', say: 'no' };
    /** One more attempt, from its first job on, that comes to this. */
    const attempt = async (ms: number, result: ResultPatch) => {
      await ledger.submit([inputsOf('aa', { again: 'settled' })], at(ms));
      const held = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: ms + 60 }), at(ms)));
      expect(await ledger.settle(held, ending(`${ms}`, { is: 'done' }, { result }), at(ms))).toBe('settled');
    };
    const verdicts = async () => (await history.verdicts(build, { limit: 1_000 })).rows;

    it('are all kept, and the row says what stays attested whatever comes later', async () => {
      await attempt(1, attested('first'));
      await attempt(2, failed);
      expect(await verdicts()).toEqual([
        {
          build,
          at: at(1).wall,
          verdict: 'reproducible',
          code: null,
          say: 'first',
          attestation: hashOf('first'),
          signedBy: [keyOf('A')],
        },
        {
          build,
          at: at(2).wall,
          verdict: 'failure',
          code: 'build-failed',
          say: 'no',
          attestation: null,
          signedBy: [],
        },
      ]);
      const stays = [{ verdict: 'reproducible', at: at(1).wall }];
      expect((await history.result(build))?.row).toMatchObject({ state: 'failure', attested: stays });
      await ledger.steer({ build }, 'requeue', at(3));
      await ledger.submit([inputsOf('aa', { again: 'settled' })], at(3));
      expect((await history.result(build))?.row).toMatchObject({
        state: 'pending',
        verdict: null,
        attested: stays,
      });
    });

    it('that were signed are told once each, when they were last; what was not signed is not attested', async () => {
      await attempt(1, attested('first'));
      await attempt(2, { ...attested('differs'), state: 'unreproducible', verdict: 'unreproducible' });
      await attempt(3, attested('again', 'B'));
      await attempt(4, { ...failed, code: 'environment-unknown', attestation: hashOf('unsigned') });
      expect((await history.result(build))?.row.attested).toEqual([
        { verdict: 'unreproducible', at: at(2).wall },
        { verdict: 'reproducible', at: at(3).wall },
      ]);
      expect((await verdicts()).map(({ signedBy }) => signedBy)).toEqual([
        [keyOf('A')],
        [keyOf('A')],
        [keyOf('B')],
        [],
      ]);
    });

    it('keep the attester’s document of each as long as they are kept themselves', async () => {
      await attempt(1, attested('first'));
      await attempt(2, attested('second'));
      const isKept = (text: string) => history.isReferred(hashOf(text), ['attestation']);
      expect([await isKept('first'), await isKept('second'), await isKept('third')]).toEqual([
        true,
        true,
        false,
      ]);
      expect(await history.isReferred(hashOf('first'), ['log'])).toBe(false);
      const referred = async (without: 'attestation' | 'log') =>
        new Set((await history.referred([without], { limit: 10 })).rows);
      expect(await referred('log')).toEqual(new Set([hashOf('first'), hashOf('second')]));
      expect(await referred('attestation')).toEqual(new Set());
    });

    it('of failure are kept to so many, those for which something was signed for good', async () => {
      await attempt(1, attested('first'));
      await attempt(2, { ...failed, attestation: hashOf('in part'), signedBy: [keyOf('A')] });
      const beyond = maxFailuresKept + 3;
      for (let turn = 0; turn < beyond; turn += 1) await attempt(3 + turn, failed);
      await attempt(3 + beyond, attested('last'));
      const kept = await verdicts();
      expect(kept.map(({ at: wall }) => wall - at(0).wall)).toEqual([
        1,
        2,
        ...Array.from({ length: maxFailuresKept }, (_, index) => 6 + index),
        3 + beyond,
      ]);
      const first = await history.verdicts(build, { limit: 2 });
      const rest = await history.verdicts(build, { limit: 1_000, cursor: first.cursor ?? '' });
      expect([...first.rows, ...rest.rows]).toEqual(kept);
    });

    it('tell which builds they are of since any of them, the newest first', async () => {
      await attempt(1, attested('first'));
      expect(await history.settledSince(0, 10)).toEqual({ builds: [build], more: 0, last: 1 });
      const other = buildOf('bb');
      await ledger.submit([inputsOf('bb')], at(2));
      const held = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(2)));
      await ledger.settle(held, ending('b', { is: 'done' }, { result: failed }), at(2));
      await attempt(3, attested('again'));
      expect(await history.settledSince(0, 10)).toEqual({ builds: [build, other], more: 0, last: 3 });
      expect(await history.settledSince(0, 1)).toEqual({ builds: [build], more: 1, last: 3 });
      expect(await history.settledSince(2, 10)).toEqual({ builds: [build], more: 0, last: 3 });
      expect(await history.settledSince(3, 10)).toEqual({ builds: [], more: 0, last: 3 });
    });

    it('are not added by a try that comes again, a cancellation or a repeated answer', async () => {
      await ledger.submit([inputsOf('aa')], at(1));
      const held = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(2)));
      const retry = { is: 'retry', code: 'sandbox', fault: 'ours', delayMs: 0 } as const;
      await ledger.settle(held, ending('x', retry, { result: { state: 'retry', verdict: null } }), at(3));
      const again = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(4)));
      const end = ending('y', { is: 'done' }, { result: failed });
      expect(await ledger.settle(again, end, at(5))).toBe('settled');
      expect(await ledger.settle(again, end, at(6))).toBe('already');
      await ledger.steer({ build }, 'requeue', at(7));
      await ledger.steer({ build }, 'cancel', at(8));
      expect((await verdicts()).map(({ verdict }) => verdict)).toEqual(['failure']);
    });
  });
}
