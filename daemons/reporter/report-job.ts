import { parsePublicationEntry } from '../lib/contracts/documents/publication.ts';
import { parseResultRow } from '../lib/contracts/documents/views.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import { formatJsonLines } from '../lib/contracts/json-lines.ts';
import { maxReturned } from '../lib/contracts/return.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import { sha256Of } from '../lib/objects/sha256.ts';
import type { Caller } from '../lib/wire/call.ts';
import { bufferObject } from '../lib/wire/frame.ts';
import { queryRows } from '../lib/wire/rows.ts';
import { persist } from '../lib/worker/transfer.ts';
import type { Done, JobContext } from '../lib/worker/worker.ts';
import { makePages } from './pages.ts';

export interface ReportParts {
  readonly caller: Caller;
  readonly clock: Clock;
}

/** Does a job of queue `report`: reads all results and what is published, and makes the pages of both. */
export async function reportResults(
  context: Pick<JobContext<'report'>, 'log' | 'progress' | 'signal'>,
  { caller, clock }: ReportParts,
): Promise<Done<'report'>> {
  const { log, signal } = context;
  context.progress('read');
  const { rows, published } = await persist({ clock, log, signal }, 'reading results', async () => ({
    rows: await all(queryRows(caller, 'results', {}, { parse: parseResultRow, signal })),
    published: await all(queryRows(caller, 'publication', {}, { parse: parsePublicationEntry, signal })),
  }));
  context.progress('make', rows.length, rows.length);
  const pages = makePages(rows, published, (row) =>
    log.warning('result left out: its dist is not of the grammar', {
      dist: row.dist,
      package: row.source,
      version: row.version,
    }),
  );
  if (pages.length + 1 > maxReturned) {
    throw new JobFailure('too-large', `${pages.length} pages, at most ${maxReturned - 1} can be returned`);
  }
  const entries = pages.map(({ path, bytes }) => ({ path, sha256: sha256Of(bytes), size: bytes.length }));
  const list = formatJsonLines(entries.sort((a, b) => (a.path < b.path ? -1 : 1)));
  return {
    outcome: { status: 'done', pages: sha256Of(list) },
    objects: [bufferObject(list), ...pages.map(({ bytes }) => bufferObject(bytes))],
  };
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const row of rows) list.push(row);
  return list;
}
