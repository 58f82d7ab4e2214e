import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openEmbedded } from '../../../daemons/orchestrator/ledger/embedded/open.ts';
import { campaignSeed, soak } from '../../support/campaign.ts';
import { describeLedger, LedgerModel } from './model.ts';
import { perform, RandomOperations } from './random-operations.ts';

const runs = soak ? 400 : 6;
const steps = 400;

/** A number from the campaign's seed and a run's index. */
function seedOf(index: number): number {
  return [...`${campaignSeed()} ${index}`].reduce(
    (seed, letter) => (seed * 31 + letter.charCodeAt(0)) >>> 0,
    7,
  );
}

describe('the embedded ledger beside a model', () => {
  it(`answers ${runs} times ${steps} random operations as it does`, { timeout: 600_000 }, async () => {
    for (let run = 0; run < runs; run += 1) {
      const seed = seedOf(run);
      const dir = mkdtempSync(join(tmpdir(), 'ledger-model-'));
      const { ledger, history } = openEmbedded(join(dir, 'ledger.sqlite'));
      const operations = new RandomOperations(seed);
      const model = new LedgerModel();
      for (let step = 0; step < steps; step += 1) {
        const operation = operations.draw();
        const expected = model.apply(operation);
        const answer = await perform(ledger, operation);
        const where = `seed ${seed} step ${step} ${JSON.stringify(operation)}`;
        expect([where, answer]).toEqual([where, expected]);
        operations.learn(operation, answer);
        if (step % 20 === 19) expect(await describeLedger(history), where).toBe(model.describe());
      }
      await ledger.close();
      rmSync(dir, { recursive: true });
    }
  });
});
