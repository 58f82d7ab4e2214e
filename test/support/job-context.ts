import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Payloads, Queue } from '../../daemons/lib/contracts/job.ts';
import type { Log } from '../../daemons/lib/daemon/log.ts';
import { parseSha256, type Sha256 } from '../../daemons/lib/domain/names.ts';
import type { IncomingObject, OutgoingObject } from '../../daemons/lib/wire/frame.ts';
import type { JobContext } from '../../daemons/lib/worker/worker.ts';

/** What the orchestrator keeps for a job, in memory. */
export class Objects {
  readonly #kept = new Map<Sha256, Buffer>();

  put(content: Buffer | string | object): Sha256 {
    const bytes = Buffer.isBuffer(content)
      ? content
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const sha256 = parseSha256(createHash('sha256').update(bytes).digest('hex'));
    this.#kept.set(sha256, bytes);
    return sha256;
  }

  get(sha256: Sha256): Buffer {
    const found = this.#kept.get(sha256);
    if (found === undefined) throw new Error(`no object ${sha256}`);
    return found;
  }

  /** Keeps what an outcome brought. */
  async take(objects: readonly OutgoingObject[]): Promise<void> {
    for (const object of objects) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of object.bytes()) chunks.push(chunk);
      this.put(Buffer.concat(chunks));
    }
  }
}

export interface Told {
  readonly level: string;
  readonly event: string;
  readonly fields: unknown;
}

/** A log that a test reads. */
export function heardLog(told: Told[]): Log {
  const at = (level: string) => (event: string, fields?: unknown) => void told.push({ level, event, fields });
  const log: Log = {
    debug: at('debug'),
    info: at('info'),
    notice: at('notice'),
    warning: at('warning'),
    error: at('error'),
    child: () => log,
  };
  return log;
}

/** The context of a job whose objects are in memory; `fetch` gives what `objects` holds under that hash. */
export function jobContext<Q extends Queue>(
  payload: Payloads[Q],
  objects: Objects,
  more: { told?: Told[]; signal?: AbortSignal } = {},
): JobContext<Q> {
  return {
    job: { id: 'aaaaaaaaaaaaaaaa.attest', fence: 1, leaseMs: 60_000, about: 'a test', payload },
    signal: more.signal ?? new AbortController().signal,
    log: heardLog(more.told ?? []),
    progress() {},
    appendLog() {},
    present: async () => new Set<Sha256>(),
    async fetch(shas, into) {
      for (const [index, sha] of shas.entries()) await into(sha, incoming(index, objects.get(sha)));
    },
  };
}

function incoming(index: number, content: Buffer): IncomingObject {
  const sha256 = parseSha256(createHash('sha256').update(content).digest('hex'));
  return {
    index,
    size: content.length,
    bytes: (async function* () {
      yield content;
    })(),
    sha256: Promise.resolve(sha256),
    drain: async () => {},
    saveTo: async (path) => {
      await writeFile(path, content, { flag: 'wx' });
      return { sha256, size: content.length };
    },
    buffer: async () => content,
  };
}
