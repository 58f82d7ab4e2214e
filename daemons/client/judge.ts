import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Clock } from '../lib/daemon/clock.ts';
import { VerificationError, type Verified, verifyFile } from '../lib/intoto/verify.ts';
import type { PackageFile } from './apt/package-file.ts';
import type { Answers, Rebuilders } from './fetch/metadata.ts';
import type { Trust } from './trust.ts';

/**
 * `forgiven`: too few links were there, and `NoFail` says to install it all the same. `say` tells the whole of it,
 * `troubles` what kept rebuilders from answering.
 */
export type Verdict = Readonly<{
  kind: 'verified' | 'forgiven' | 'refused';
  say: string;
  troubles: readonly string[];
}>;

export interface JudgeOptions {
  readonly trust: Trust;
  readonly rebuilders: Rebuilders;
  readonly noFail: boolean;
  readonly clock: Clock;
}

/** Decides about one package at a time, any number of them side by side. */
export class Judge {
  readonly #options: JudgeOptions;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  async judge(file: PackageFile): Promise<Verdict> {
    const { trust, rebuilders, clock } = this.#options;
    const what = `${file.package} ${file.version}`;
    const [answers, sha256] = await Promise.all([
      rebuilders.ask(file.package, file.version),
      sha256Of(file.path),
    ]);
    const troubles = troublesOf(answers);
    try {
      const verified = verifyFile({
        layout: trust.layout,
        ownerKeys: trust.ownerKeys,
        links: answers.links,
        file: { name: file.fileName, sha256 },
        now: clock.now(),
      });
      return { kind: 'verified', say: `${what}: ${vouched(verified)}`, troubles };
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      return { ...this.#unverified(what, error, answers), troubles };
    }
  }

  #unverified(what: string, error: VerificationError, answers: Answers): Omit<Verdict, 'troubles'> {
    const reasons = [
      ...error.reasons.map(({ from, fault, say }) => `${from}: ${fault}, ${say}`),
      ...answers.unanswered.map(({ from, error: { what: why } }) => `${from}: ${why}`),
    ];
    const none = this.#options.rebuilders.count === 0 ? ['APT::Intoto::Rebuilders is not set'] : [];
    const why = [`${error.code}: ${error.message}`, ...reasons, ...none].join('; ');
    if (error.code === 'link-not-found' && this.#options.noFail) {
      return {
        kind: 'forgiven',
        say: `${what} is not verified, and let through by APT::Intoto::NoFail: ${why}`,
      };
    }
    return { kind: 'refused', say: `in-toto refuses ${what}: ${why}` };
  }
}

/** A rebuilder that has no link of a package is no trouble: nobody has rebuilt everything. */
function troublesOf({ unanswered }: Answers): readonly string[] {
  return unanswered
    .filter(({ error }) => error.code !== 'not-found')
    .map(({ from, error }) => `no link from ${from}: ${error.what}`);
}

function vouched({ vouchers, ignored }: Verified): string {
  const by = vouchers.map(({ from, signer }) => `${from} (key ${signer.slice(0, 16).toUpperCase()})`);
  const others = ignored.map(({ from, fault, say }) => `; not counted: ${from}: ${fault}, ${say}`);
  return `verified, rebuilt by ${by.join(', ')}${others.join('')}`;
}

async function sha256Of(path: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 262_144 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
