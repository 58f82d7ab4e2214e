import { maxNoticeSay } from '../../lib/contracts/documents/notice.ts';
import {
  maxNoticesTold,
  maxRevokedTold,
  parseStatusView,
  type StatusView,
} from '../../lib/contracts/documents/views.ts';
import { queues } from '../../lib/contracts/job.ts';
import { isoTime } from '../../lib/daemon/clock.ts';
import { escapeText } from '../../lib/daemon/escape-text.ts';
import { shownStates } from '../../lib/domain/verdict.ts';
import type { Counts, FeedRecord, JobState } from '../ledger/port.ts';
import type { Office } from './office.ts';

/** What `rebuilder.Query+status` tells. */
export async function statusView(office: Office): Promise<StatusView> {
  const { history, objects, settings, workers } = office;
  const counts = await history.counts();
  const { count, bytes } = objects.usage();
  const seen = workers.lately();
  return parseStatusView({
    version: settings.version,
    now: office.time.now().wall,
    queues: queues.map((queue) => queueRow(counts, queue)),
    states: counts.states,
    workers: seen.map(({ notices: _notices, ...worker }) => worker),
    feeds: await feedRows(office),
    notices: seen
      .flatMap(({ qube, queue, notices }) => notices.map((notice) => ({ ...notice, qube, queue })))
      .slice(0, maxNoticesTold),
    revoked: (await history.revoked()).slice(0, maxRevokedTold),
    objects: { count, bytes, quotaBytes: Number.isFinite(objects.quotaBytes) ? objects.quotaBytes : null },
  });
}

function queueRow(counts: Counts, queue: (typeof queues)[number]) {
  const of = (state: JobState) =>
    counts.queues.reduce((sum, row) => sum + (row.queue === queue && row.state === state ? row.count : 0), 0);
  const paused = counts.paused.some(
    ({ scope, value }) => scope === 'all' || (scope === 'queue' && value === queue),
  );
  return { queue, pending: of('pending'), leased: of('leased'), setAside: of('set-aside'), paused };
}

async function feedRows(office: Office): Promise<StatusView['feeds']> {
  const { history, settings, time } = office;
  const known = new Map((await history.feeds()).map((feed) => [feed.dist, feed]));
  const configured = settings.dists.map(({ dist }) => dist);
  const now = time.now();
  return [...new Set([...configured, ...known.keys()])].sort().map((dist) => {
    const feed: FeedRecord | undefined = known.get(dist);
    const every = settings.dists.find((one) => one.dist === dist)?.everyMs;
    const due = feed === undefined ? 0 : feed.lastMs + (every ?? 0) - now.ms;
    return {
      dist,
      lastRead: feed?.lastRead ?? null,
      say: feed?.say ?? null,
      next: every === undefined ? null : now.wall + Math.max(0, due),
    };
  });
}

/** The same for people: it is what `qvm-run … rebuilder.Query+status` prints. */
export function statusText(view: StatusView): string {
  const time = (wall: number | null) =>
    wall === null ? 'never' : isoTime(wall).slice(0, 19).replace('T', ' ');
  const { objects } = view;
  return [
    `package-rebuilder ${view.version}, ${time(view.now)} UTC`,
    '',
    ...view.notices.map(
      ({ code, qube, say, at }) =>
        `${code} (${qube}${at === null ? '' : `, ${time(at)}`}): ${escapeText(say, maxNoticeSay)}`,
    ),
    ...view.revoked.map(
      ({ key, builds, stillSigns }) =>
        `revoked key ${key}: ${builds} builds are still signed by it${stillSigns ? ', and it still signs' : ''}`,
    ),
    ...(view.notices.length + view.revoked.length === 0 ? [] : ['']),
    ...table(
      ['queue', 'pending', 'leased', 'set aside', ''],
      view.queues.map((row) => [
        row.queue,
        row.pending,
        row.leased,
        row.setAside,
        row.paused ? 'paused' : '',
      ]),
    ),
    '',
    ...table(
      ['dist', ...shownStates],
      [...new Set(view.states.map((row) => row.dist))]
        .sort()
        .map((dist) => [
          dist,
          ...shownStates.map(
            (state) => view.states.find((row) => row.dist === dist && row.state === state)?.count ?? 0,
          ),
        ]),
    ),
    '',
    ...table(
      ['qube', 'queue', 'last seen', 'jobs'],
      view.workers.map((row) => [row.qube, row.queue, time(row.lastSeen), row.jobs.join(' ') || 'none']),
    ),
    '',
    ...table(
      ['feed', 'last read', 'next', ''],
      view.feeds.map((row) => [row.dist, time(row.lastRead), time(row.next), row.say ?? '']),
    ),
    '',
    `objects: ${objects.count}, ${mebibytes(objects.bytes)}${
      objects.quotaBytes !== null ? ` of ${mebibytes(objects.quotaBytes)}` : ''
    }`,
    '',
  ].join('\n');
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`;
}

const maxCell = 80;

/** Columns as wide as their widest cell; foreign text escaped and cut. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  if (rows.length === 0) return [`${head[0]}: none`];
  const cells = [head, ...rows.map((row) => row.map((cell) => escapeText(String(cell), maxCell)))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
