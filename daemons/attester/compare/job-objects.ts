import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ContractError } from '../../lib/contracts/contract.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import type { EvidenceObjects } from '../../lib/evidence/signed-indexes.ts';
import { WireError } from '../../lib/wire/frame.ts';
import type { JobContext } from '../../lib/worker/worker.ts';

/** The objects of one job: small ones in memory, large ones in a folder that goes with the job. */
export class JobObjects implements EvidenceObjects {
  readonly #context: JobContext<'attest'>;
  readonly #scratch: string;
  #folder: Promise<string> | undefined;
  readonly #files = new Map<Sha256, Promise<string>>();

  constructor(context: JobContext<'attest'>, scratch: string) {
    this.#context = context;
    this.#scratch = scratch;
  }

  async read(sha256: Sha256, max: number): Promise<Buffer> {
    let content: Buffer | undefined;
    try {
      await this.#context.fetch([sha256], async (_sha, object) => {
        content = await object.buffer(max);
      });
    } catch (error) {
      if (!(error instanceof WireError) || error.code !== 'too-large') throw error;
      throw new JobFailure('protocol', `object ${sha256} has more than ${max} bytes`, { cause: error });
    }
    if (content === undefined) throw new JobFailure('protocol', `object ${sha256} did not come`);
    return content;
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
    const hashed = new Map<Sha256, string>();
    await this.#context.fetch(sha256s, async (_sha, object) => {
      const sha512 = createHash('sha512');
      for await (const chunk of object.bytes) sha512.update(chunk);
      hashed.set(await object.sha256, sha512.digest('hex'));
      onEach(hashed.size);
    });
    return hashed;
  }

  async remove(): Promise<void> {
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true });
  }
}
