import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ContractError } from '../../lib/contracts/contract.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import type { EvidenceObjects } from '../../lib/evidence/signed-indexes.ts';
import { type IncomingObject, WireError } from '../../lib/wire/frame.ts';
import type { JobContext } from '../../lib/worker/worker.ts';

/** The objects of one job: small ones in memory, large ones in a folder that goes with the job. */
export class JobObjects implements EvidenceObjects {
  readonly #context: JobContext<'attest'>;
  readonly #scratch: string;
  #folder: Promise<string> | undefined;
  readonly #files = new Map<Sha256, Promise<string>>();
  readonly #brought = new Map<Sha256, Buffer>();
  readonly #hashed = new Map<Sha256, string>();

  constructor(context: JobContext<'attest'>, scratch: string) {
    this.#context = context;
    this.#scratch = scratch;
  }

  /**
   * Brings in one call small objects, each of at most so many bytes, for `read` to find, and takes the hashes of others, for
   * `hash` to know.
   */
  async bring(wanted: ReadonlyMap<Sha256, number>, others: readonly Sha256[] = []): Promise<void> {
    await this.#fetch(wanted, others, (sha256, content) => this.#brought.set(sha256, content));
  }

  async read(sha256: Sha256, max: number): Promise<Buffer> {
    let content = this.#brought.get(sha256);
    if (content === undefined) {
      await this.#fetch(new Map([[sha256, max]]), [], (_sha, bytes) => {
        content = bytes;
      });
    }
    if (content === undefined) throw new JobFailure('protocol', `object ${sha256} did not come`);
    if (content.length > max) throw tooLarge(sha256, max);
    return content;
  }

  async #fetch(
    wanted: ReadonlyMap<Sha256, number>,
    others: readonly Sha256[],
    into: (sha256: Sha256, content: Buffer) => void,
  ): Promise<void> {
    const all = [...wanted.keys(), ...others.filter((sha256) => !wanted.has(sha256))];
    await this.#context.fetch(all, async (sha256, object) => {
      const max = wanted.get(sha256);
      try {
        if (max === undefined) await this.#takeHashes(object);
        else into(sha256, await object.buffer(max));
      } catch (error) {
        if (!(error instanceof WireError) || error.code !== 'too-large') throw error;
        throw tooLarge(sha256, max ?? 0, error);
      }
    });
  }

  /** A JSON document, parsed. */
  async document<T>(sha256: Sha256, max: number, parse: (untrusted: unknown) => T): Promise<T> {
    const content = await this.read(sha256, max);
    try {
      return parse(JSON.parse(content.toString('utf8')));
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof ContractError)) throw error;
      throw new JobFailure('protocol', `object ${sha256}: ${error.message}`, { cause: error });
    }
  }

  /** A file that holds the object; two who ask at once (indexes of the same bytes) get the same one. */
  file(sha256: Sha256): Promise<string> {
    const file = this.#files.get(sha256) ?? this.#bringFile(sha256);
    this.#files.set(sha256, file);
    return file;
  }

  async #bringFile(sha256: Sha256): Promise<string> {
    this.#folder ??= mkdtemp(join(this.#scratch, 'job-'));
    const path = join(await this.#folder, sha256);
    await this.#context.fetch([sha256], async (_sha, object) => {
      await rm(path, { force: true });
      await object.saveTo(path);
    });
    return path;
  }

  /**
   * Takes the hashes of each object's bytes as they pass: its sha512 by its sha256. `fetch` fails for one that is not
   * what was asked for.
   */
  async hash(
    sha256s: readonly Sha256[],
    onEach: (done: number) => void,
  ): Promise<ReadonlyMap<Sha256, string>> {
    const missing = sha256s.filter((sha256) => !this.#hashed.has(sha256));
    await this.#context.fetch(missing, async (_sha, object) => {
      await this.#takeHashes(object);
      onEach(this.#hashed.size);
    });
    return this.#hashed;
  }

  async #takeHashes(object: IncomingObject): Promise<void> {
    const sha512 = createHash('sha512');
    for await (const chunk of object.bytes) sha512.update(chunk);
    this.#hashed.set(await object.sha256, sha512.digest('hex'));
  }

  async remove(): Promise<void> {
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true });
  }
}

function tooLarge(sha256: Sha256, max: number, cause?: unknown): JobFailure {
  const say = `object ${sha256} has more than ${max} bytes`;
  return new JobFailure('protocol', say, cause === undefined ? {} : { cause });
}
