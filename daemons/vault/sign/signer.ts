import { type SignKind, type SignReply, signKinds } from '../../lib/contracts/sign.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { Log } from '../../lib/daemon/log.ts';
import { RateLimit } from '../../lib/daemon/rate-limit.ts';
import type { QubeName } from '../../lib/domain/names.ts';
import { sha256Of } from '../../lib/objects/sha256.ts';
import type { SignatureLog } from '../signature-log.ts';
import { Counters } from './counters.ts';
import { judge } from './judge.ts';
import { openSigningKey, type SigningKey } from './keys.ts';

export interface SignerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The vault's state folder. */
  readonly state: string;
  readonly signatures: SignatureLog;
  readonly perMinute: number;
}

export type Signed = Pick<SignReply, 'keyid' | 'signatures'>;

/** By which qube, and for which job as that says. */
export type Asked = Readonly<{ caller: QubeName; job?: string | undefined }>;

/** The vault's keys, and what has to be so before one of them signs. */
export class Signer {
  readonly #options: SignerOptions;
  readonly #keys: Readonly<Record<SignKind, SigningKey>>;
  readonly #counters: Counters;
  readonly #rate: RateLimit;

  private constructor(
    options: SignerOptions,
    keys: Readonly<Record<SignKind, SigningKey>>,
    counters: Counters,
  ) {
    this.#options = options;
    this.#keys = keys;
    this.#counters = counters;
    this.#rate = new RateLimit(options.clock, options.perMinute);
  }

  /** Makes the keys that are missing, and mends the log after a kill. */
  static async open(options: SignerOptions): Promise<Signer> {
    const { state, log } = options;
    const keys = await Promise.all(
      signKinds.map(async (kind) => [kind, await openSigningKey(state, kind)] as const),
    );
    const counters = await Counters.open(state);
    if (await options.signatures.mend())
      log.warning('a line of the log of signatures was cut short, and is marked');
    return new Signer(options, Object.fromEntries(keys) as Record<SignKind, SigningKey>, counters);
  }

  /** Whether the rate allows so many documents more; they are counted, whatever comes of them. */
  admits(count: number): boolean {
    return this.#rate.take(count);
  }

  /**
   * The signatures of documents of this kind, once counters and log lines are on the disk; of all of them or of none.
   *
   * @throws ContractError, WrongKind, CounterError
   */
  async sign(untrusted: readonly Uint8Array[], kind: SignKind, { caller, job }: Asked): Promise<Signed> {
    const { clock, log, signatures } = this.#options;
    const { keyid, sign } = this.#keys[kind];
    const signable = untrusted.map((document) => ({ ...judge(document, kind), sha256: sha256Of(document) }));
    for (const { counted, sha256 } of signable) {
      if (counted !== undefined) await this.#counters.spend(counted.publication, counted.counter, sha256);
    }
    const facts = signable.map(({ subject, sha256 }) => ({
      ...{ kind, subject, sha256, key: keyid, for: caller },
      ...(job === undefined ? {} : { job }),
    }));
    await signatures.add(clock.now(), ...facts);
    for (const { subject, sha256 } of signable)
      log.notice('signed', { kind, subject, sha256, qube: caller, job });
    return { keyid, signatures: signable.map(({ signed }) => sign(signed)) };
  }
}
