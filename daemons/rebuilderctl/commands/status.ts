import type { Command } from 'commander';
import { maxNoticeSay } from '../../lib/contracts/documents/notice.ts';
import { parseStatusView, type StatusView } from '../../lib/contracts/documents/views.ts';
import { isoTime } from '../../lib/daemon/clock.ts';
import { escapeText } from '../../lib/daemon/escape-text.ts';
import { queryRow } from '../../lib/wire/rows.ts';
import type { Context } from '../context.ts';
import { paint, type Terminal, table } from '../terminal.ts';

export function addStatus(program: Command, context: Context): void {
  program
    .command('status')
    .description('what the line does now: queues, builds by state, workers, feeds, disk')
    .option('--json', 'one object, as the orchestrator says it')
    .action(async (options: { json?: true }) => {
      const { caller, terminal, stop } = context;
      const status = await queryRow(
        caller,
        'status',
        { format: 'json' },
        { parse: parseStatusView, signal: stop },
      );
      if (options.json) terminal.json(status);
      else showStatus(status, terminal);
    });
}

export function showStatus(status: StatusView, terminal: Terminal): void {
  const print = (lines: readonly string[]) => {
    for (const line of lines) terminal.print(line);
    terminal.print('');
  };
  terminal.print(`package-rebuilder ${status.version}, ${isoTime(status.now)}\n`);
  showNotices(status, terminal);
  showRevoked(status, terminal);
  print(
    table(
      ['QUEUE', 'WAITING', 'LENT', 'SET ASIDE', ''],
      status.queues.map((queue) => [
        queue.queue,
        String(queue.pending),
        String(queue.leased),
        String(queue.setAside),
        queue.paused ? 'paused' : '',
      ]),
    ),
  );
  const states = table(
    ['DIST', 'STATE', 'BUILDS'],
    status.states.map(({ dist, state, count }) => [dist, state, String(count)]),
  );
  print(states.map((line, index) => paintLine(line, status.states[index - 1]?.state, terminal)));
  print(
    table(
      ['WORKER', 'QUEUE', 'LAST SEEN', 'JOBS'],
      status.workers.map(({ qube, queue, lastSeen, jobs }) => [
        qube,
        queue,
        ago(status.now - lastSeen),
        jobs.join(' ') || 'none',
      ]),
    ),
  );
  print(
    table(
      ['FEED', 'LAST READ', 'NEXT', ''],
      status.feeds.map(({ dist, lastRead, next, say }) => [
        dist,
        lastRead === null ? 'never' : ago(status.now - lastRead),
        next === null ? '-' : next <= status.now ? 'due' : `in ${span(next - status.now)}`,
        say ?? '',
      ]),
    ),
  );
  const { count, bytes, quotaBytes } = status.objects;
  terminal.print(`objects: ${count}, ${size(bytes)}${quotaBytes === null ? '' : ` of ${size(quotaBytes)}`}`);
}

/** First of all, for they are what somebody has to do something about. */
function showNotices({ notices, now }: StatusView, terminal: Terminal): void {
  for (const { code, qube, say, at } of notices) {
    const when = at === null ? '' : at < now ? `, ${ago(now - at)}` : `, in ${span(at - now)}`;
    const word = paint(terminal, code.endsWith('-expires') ? 'retry' : 'failure', code);
    terminal.print(`${word} (${escapeText(qube, 63)}${when}): ${escapeText(say, maxNoticeSay)}`);
  }
  if (notices.length > 0) terminal.print('');
}

function showRevoked({ revoked, now }: StatusView, terminal: Terminal): void {
  const lines = table(
    ['REVOKED KEY', 'SINCE', 'BUILDS LEFT', ''],
    revoked.map(({ key, since, builds, stillSigns }) => [
      key,
      ago(now - since),
      String(builds),
      stillSigns ? 'still signs: restart the attester without it' : `rebuilderctl resign --signed-by ${key}`,
    ]),
  );
  if (revoked.length > 0) for (const line of [...lines, '']) terminal.print(line);
}

function paintLine(line: string, state: Parameters<typeof paint>[1] | undefined, terminal: Terminal): string {
  return state === undefined ? line : line.replace(state, (word) => paint(terminal, state, word));
}

function ago(ms: number): string {
  return `${span(Math.max(0, ms))} ago`;
}

/** The two largest units would not say more to anybody. */
export function span(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
