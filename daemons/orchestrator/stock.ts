import type { Sha256 } from '../lib/domain/names.ts';
import type { ObjectStore } from '../lib/objects/store.ts';
import { ReplyError } from '../lib/wire/serve.ts';
import type { History, Origin } from './ledger/port.ts';

/**
 * Objects that an outcome refers to: each must be here, handed in by someone who may. Where an object came from is
 * what keeps a build's output from becoming another build's input (DESIGN §7).
 */
export class Stock {
  readonly #objects: ObjectStore;
  readonly #history: History;

  constructor(objects: ObjectStore, history: History) {
    this.#objects = objects;
    this.#history = history;
  }

  /** Whether the store holds the object from one of these; it is then young again. */
  async holds(sha256: Sha256, origins: readonly Origin[]): Promise<boolean> {
    const known = await this.#history.origins(sha256);
    return known.some((origin) => origins.includes(origin)) && (await this.#objects.touch(sha256));
  }

  /**
   * @param what for people: what refers to it
   * @throws ReplyError `not-found`
   */
  async demand(sha256: Sha256, origins: readonly Origin[], what: string): Promise<void> {
    if (await this.holds(sha256, origins)) return;
    throw new ReplyError(
      'not-found',
      `${what}: object ${sha256} did not come from queue ${origins.join(' or ')}`,
    );
  }

  /** @throws ReplyError `not-found`, or `protocol` if it has another size */
  async demandSized(
    file: { sha256: Sha256; size: number },
    origins: readonly Origin[],
    what: string,
  ): Promise<void> {
    await this.demand(file.sha256, origins, what);
    if ((await this.#objects.size(file.sha256)) === file.size) return;
    throw new ReplyError('protocol', `${what}: object ${file.sha256} does not have ${file.size} bytes`);
  }
}
