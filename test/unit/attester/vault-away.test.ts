import { describe, expect, it } from 'vitest';
import { isAway, maxAway, patientSigner, VaultAway } from '../../../daemons/attester/sign/vault-away.ts';
import { JobFailure } from '../../../daemons/lib/contracts/job-failure.ts';
import { VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';

describe('a vault', () => {
  const fingerprint = parseFingerprint('AB'.repeat(20));
  const signature = Buffer.from('signature');

  /** Asks a vault that answers so, one call after the other; gives the outcome and how often it was asked. */
  async function outcome(answers: readonly (Error | Buffer)[], signal?: AbortSignal) {
    const clock = new VirtualClock();
    let asked = 0;
    const sign = async () => {
      const answer = answers[asked];
      asked += 1;
      if (answer instanceof Error) throw answer;
      return answer ?? signature;
    };
    const signed = patientSigner({ fingerprint, sign }, clock)
      .sign(Buffer.from('x'), signal)
      .catch((error: unknown) => error);
    await clock.advance(600_000);
    return { result: await signed, asked };
  }

  const away = new VaultAway('the vault is away');

  it('that is away for a while is asked again', async () => {
    expect(await outcome([away, away, signature])).toEqual({ result: signature, asked: 3 });
  });

  it('that stays away fails the job, which is not its fault', async () => {
    const { result, asked } = await outcome(Array.from({ length: 20 }, () => away));
    expect(result).toMatchObject({ code: 'signing', fault: 'ours', say: 'the vault is away' });
    expect(asked).toBe(maxAway);
  });

  it('that refuses is not asked again', async () => {
    const refusal = new JobFailure('signing', 'the vault refused to sign');
    expect(await outcome([refusal])).toEqual({ result: refusal, asked: 1 });
  });

  it('is not asked for a job that is over', async () => {
    const over = new AbortController();
    over.abort(new Error('cancelled'));
    expect(await outcome([away], over.signal)).toMatchObject({ result: { message: 'cancelled' }, asked: 1 });
  });

  it.each([
    [125, true],
    [126, false],
    [127, true],
    [137, true],
    [255, true],
    [0, false],
    [1, false],
    [2, false],
    [undefined, false],
  ])('whose call ends with %s is away: %s', (status, expected) => {
    expect(isAway(status)).toBe(expected);
  });
});
