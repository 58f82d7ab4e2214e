import type { Sha256 } from '../lib/domain/names.ts';
import type { ObjectStore } from '../lib/objects/store.ts';
import type { History } from './ledger/port.ts';

export const maxPublicationBytes = 2 ** 32;
const pageRows = 1_000;

/** The publication as it is now, JSON lines in order of their paths. */
export async function* publicationLines(history: History): AsyncGenerator<Buffer, void, undefined> {
  for (let cursor: string | undefined; ; ) {
    const page = await history.publication({ limit: pageRows, cursor });
    const lines = page.rows.map(({ path, sha256, size }) => `${JSON.stringify({ path, sha256, size })}\n`);
    if (lines.length > 0) yield Buffer.from(lines.join(''), 'utf8');
    if (page.cursor === null) return;
    cursor = page.cursor;
  }
}

/** Stores the publication's document as an object. */
export async function composePublication(history: History, objects: ObjectStore): Promise<Sha256> {
  return (await objects.put(publicationLines(history), maxPublicationBytes)).sha256;
}
