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

/** Asks every rebuilder for its link of a package, side by side. */
export class Rebuilders {
  readonly #addresses: readonly string[];
  readonly #get: (uri: string) => Promise<Buffer>;
  readonly #turns = new Turns(questionsAtOnce);

  constructor(addresses: readonly string[], get: (uri: string) => Promise<Buffer>) {
    this.#addresses = addresses;
    this.#get = get;
  }

  get count(): number {
    return this.#addresses.length;
  }

  /** The answers, in the order in which the rebuilders are configured. */
  async ask(name: BinaryName, version: DebVersion): Promise<Answers> {
    const asked = this.#addresses.map((address) =>
      this.#turns.take(() => this.#askOne(address, name, version)),
    );
    const answers = await Promise.all(asked);
    return {
      links: answers.filter((answer): answer is FetchedLink => 'untrusted' in answer),
      unanswered: answers.filter((answer): answer is Unanswered => 'error' in answer),
    };
  }

  async #askOne(address: string, name: BinaryName, version: DebVersion): Promise<FetchedLink | Unanswered> {
    const from = withoutCredentials(address);
    try {
      return { from, untrusted: (await this.#get(metadataUrl(address, name, version))).toString('utf8') };
    } catch (error) {
      if (error instanceof NetError) return { from, error };
      throw error;
    }
  }
}

/** The bytes that apt-transport-in-toto asks for (facts: apt-transport-in-toto §4): the epoch's colon quoted, `+` and `~` not. */
export function metadataUrl(address: string, name: BinaryName, version: DebVersion): string {
  const quoted = [name, version].map((part) => encodeURIComponent(part).replaceAll('%2B', '+'));
  return `${address.replace(/\/+$/, '')}/sources/${quoted.join('/')}/metadata`;
}
