import type { JobRow } from '../../lib/contracts/documents/views.ts';
import { formatJsonLines } from '../../lib/contracts/json-lines.ts';
import type { QueryReply, QueryRequest, QueryRequests, View } from '../../lib/contracts/query.ts';
import { bufferObject, type OutgoingObject } from '../../lib/wire/frame.ts';
import { type Answer, ReplyError } from '../../lib/wire/serve.ts';
import { publicationLines } from '../compose.ts';
import { type JobRecord, referenceRoles } from '../ledger/port.ts';
import { sliceOf } from '../live-logs.ts';
import { outgoing } from './fetches.ts';
import { metricsText } from './metrics.ts';
import type { Office } from './office.ts';
import { statusText, statusView } from './status.ts';

/** Rows of one reply at most: they are in memory together. */
const maxPageRows = 1_000;

type Views = { readonly [V in View]: (office: Office, request: QueryRequests[V]) => Promise<Answer> };

const views: Views = {
  async status(office, { format }) {
    const view = await statusView(office);
    return format === 'text' ? { text: statusText(view) } : rows([view]);
  },
  async jobs(office, { queue, state, build, cursor, limit }) {
    const page = await office.history.jobs(
      { queue, state, build },
      { cursor, limit: Math.min(limit, maxPageRows) },
    );
    return rows(page.rows.map(jobRow), page.cursor);
  },
  async results(office, { dist, source, cursor, limit }) {
    const page = await office.history.results(
      { dist, source },
      { cursor, limit: Math.min(limit, maxPageRows) },
    );
    return rows(
      page.rows.map((whole) => whole.row),
      page.cursor,
    );
  },
  async result(office, { build }) {
    const whole = await office.history.result(build);
    if (whole === undefined) throw new ReplyError('not-found', `no build ${build}`);
    return rows([whole]);
  },
  async history(office, { build, cursor, limit }) {
    if ((await office.history.result(build)) === undefined)
      throw new ReplyError('not-found', `no build ${build}`);
    const page = await office.history.verdicts(build, { cursor, limit: Math.min(limit, maxPageRows) });
    return rows(page.rows, page.cursor);
  },
  async signed(office, { key, cursor, limit }) {
    const page = await office.history.signedBy(key, { cursor, limit: Math.min(limit, maxPageRows) });
    return rows(page.rows, page.cursor);
  },
  log: logView,
  async metrics(office) {
    return objectsOf([bufferObject(Buffer.from(await metricsText(office), 'utf8'))]);
  },
  async object(office, { sha256 }) {
    for (const one of sha256) {
      if (await office.history.isReferred(one, referenceRoles)) continue;
      throw new ReplyError('not-found', `no result and no part of the publication refers to object ${one}`);
    }
    return objectsOf(await outgoing(office.objects, sha256));
  },
  async publication(office) {
    return objectsOf([{ bytes: () => publicationLines(office.history) }]);
  },
};

/** `rebuilder.Query`: one view. */
export function queryDoor(office: Office, view: View, request: QueryRequest): Promise<Answer> {
  return (views[view] as (office: Office, request: QueryRequest) => Promise<Answer>)(office, request);
}

function rows(list: readonly unknown[], cursor: string | null = null): Answer {
  return objectsOf([bufferObject(formatJsonLines(list))], { cursor });
}

function objectsOf(objects: readonly OutgoingObject[], reply: Partial<QueryReply> = {}): Answer {
  return { reply, objects };
}

/** The live log while the job runs, then the one that its outcome names. */
async function logView(office: Office, { job: id, offset }: QueryRequests['log']): Promise<Answer> {
  const job = await office.history.job(id);
  if (job === undefined) throw new ReplyError('not-found', `no job ${id}`);
  const running = job.state === 'leased';
  if (!running && job.log !== null) {
    const path = office.objects.path(job.log);
    const size = (await office.objects.size(job.log)) ?? 0;
    return objectsOf([sliceOf(path, offset, size)], { running, offset });
  }
  const size = (await office.logs.size(id, job.fence)) ?? 0;
  return objectsOf([sliceOf(office.logs.path(id, job.fence), offset, size)], { running, offset });
}

function jobRow(job: JobRecord): JobRow {
  const { id, build, queue, kind, about, state, holder, tries, submitted, changed, progress, say, code } =
    job;
  return { id, build, queue, kind, about, state, holder, tries, submitted, changed, progress, say, code };
}
