import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSha256 } from '../../../../daemons/lib/domain/names.ts';
import { Counters } from '../../../../daemons/vault/sign/counters.ts';
import { sha256Of } from '../../../support/sign-documents.ts';

const document = (text: string) => parseSha256(sha256Of(text));

describe('the counters of manifests', () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'counters-'));
  });
  afterEach(() => rmSync(state, { recursive: true }));

  it('only grow, for each publication, also over a new start', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.constantFrom('debian', 'qubesos'),
            fc.integer({ min: 1, max: 9 }),
            fc.constantFrom('a', 'b'),
          ),
          {
            maxLength: 20,
          },
        ),
        async (asks) => {
          rmSync(join(state, 'sign'), { recursive: true, force: true });
          const last = new Map<string, { counter: number; text: string }>();
          for (const [publication, counter, text] of asks) {
            const counters = await Counters.open(state);
            const before = last.get(publication);
            const allowed =
              before === undefined ||
              counter > before.counter ||
              (counter === before.counter && text === before.text);
            const spent = counters.spend(publication, counter, document(text));
            if (allowed) {
              await spent;
              last.set(publication, { counter, text });
            } else await expect(spent).rejects.toMatchObject({ name: 'CounterError', code: 'spent' });
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('are spent once by documents that come at the same time', async () => {
    const counters = await Counters.open(state);
    const spent = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((text) => counters.spend('debian', 7, document(text))),
    );
    expect(spent.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
  });

  it('do not grow by what could not be written', async () => {
    const counters = await Counters.open(state);
    await counters.spend('debian', 1, document('a'));
    rmSync(join(state, 'sign'), { recursive: true });
    await expect(counters.spend('debian', 2, document('b'))).rejects.toThrow('ENOENT');
    mkdirSync(join(state, 'sign'));
    await counters.spend('debian', 2, document('c'));
    await expect(counters.spend('debian', 2, document('b'))).rejects.toMatchObject({ code: 'spent' });
  });

  it('are kept for so many publications and no more', async () => {
    const counters = await Counters.open(state);
    for (let number = 0; number < 100; number++) await counters.spend(`p${number}`, 1, document('a'));
    await expect(counters.spend('one-more', 1, document('a'))).rejects.toMatchObject({ code: 'many' });
    await counters.spend('p7', 2, document('a'));
    expect(readdirSync(join(state, 'sign'))).toEqual(['counters']);
  });

  it.each(['', `debian 1 ${'a'.repeat(64)}\n`])('are read from %j', async (text) => {
    await Counters.open(state);
    writeFileSync(join(state, 'sign/counters'), text);
    await (await Counters.open(state)).spend('debian', 2, document('a'));
  });

  it.each([
    ['half a line', `debian 1 ${'a'.repeat(40)}`],
    ['no line end', `debian 1 ${'a'.repeat(64)}`],
    ['a publication twice', `debian 1 ${'a'.repeat(64)}\n`.repeat(2)],
    ['an empty line', '\n'],
    ['something else', '{}\n'],
  ])('that hold %s sign nothing', async (_what, text) => {
    await Counters.open(state);
    writeFileSync(join(state, 'sign/counters'), text);
    await expect(Counters.open(state)).rejects.toMatchObject({ name: 'CounterError', code: 'unreadable' });
  });
});
