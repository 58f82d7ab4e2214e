import { Turns } from '../../lib/daemon/turns.ts';
import type { BinaryName, DebVersion } from '../../lib/domain/names.ts';
import type { FetchedLink } from '../../lib/intoto/verify.ts';
import { NetError, withoutCredentials } from '../../lib/net/errors.ts';

/** A rebuilder that gave no link, and why. */
export type Unanswered = Readonly<{ from: string; error: NetError }>;

export interface Answers {
  readonly links: readonly FetchedLink[];
  readonly unanswered: readonly Unanswered[];
}

/** Over all packages that are judged at a time. */
const questionsAtOnce = 16;
/** How often in a row a rebuilder may be out of reach before it is left alone: each time may take as long as the timeout. */
const patience = 3;

interface Rebuilder {
  readonly address: string;
  /** Why it could not be reached, the last times in a row. */
  failures: NetError[];
}

/** Asks every rebuilder for its link of a package, side by side. */
export class Rebuilders {
  readonly #rebuilders: readonly Rebuilder[];
  readonly #get: (uri: string) => Promise<Buffer>;
  readonly #turns = new Turns(questionsAtOnce);

  constructor(addresses: readonly string[], get: (uri: string) => Promise<Buffer>) {
    this.#rebuilders = addresses.map((address) => ({ address, failures: [] }));
    this.#get = get;
  }

  get count(): number {
    return this.#rebuilders.length;
  }

  /** The answers, in the order in which the rebuilders are configured. */
  async ask(name: BinaryName, version: DebVersion): Promise<Answers> {
    const asked = this.#rebuilders.map((one) => this.#turns.take(() => this.#askOne(one, name, version)));
    const answers = await Promise.all(asked);
    return {
      links: answers.filter((answer): answer is FetchedLink => 'untrusted' in answer),
      unanswered: answers.filter((answer): answer is Unanswered => 'error' in answer),
    };
  }

  async #askOne(one: Rebuilder, name: BinaryName, version: DebVersion): Promise<FetchedLink | Unanswered> {
    const from = withoutCredentials(one.address);
    const [away] = one.failures.slice(patience - 1);
    if (away !== undefined) return { from, error: away };
    try {
      const answer = await this.#get(metadataUrl(one.address, name, version));
      one.failures = [];
      return { from, untrusted: answer.toString('utf8') };
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      one.failures = error.code === 'unreachable' ? [...one.failures, error] : [];
      return { from, error };
    }
  }
}

/** The bytes that apt-transport-in-toto asks for (facts: apt-transport-in-toto §4): the epoch's colon quoted, `+` and `~` not. */
export function metadataUrl(address: string, name: BinaryName, version: DebVersion): string {
  const quoted = [name, version].map((part) => encodeURIComponent(part).replaceAll('%2B', '+'));
  return `${address.replace(/\/+$/, '')}/sources/${quoted.join('/')}/metadata`;
}
