import { type Command, Option } from 'commander';
import { type JobRow, parseJobRow } from '../../lib/contracts/documents/views.ts';
import { type Queue, queues } from '../../lib/contracts/job.ts';
import { queryRows } from '../../lib/wire/rows.ts';
import type { Context } from '../context.ts';
import { table } from '../terminal.ts';
import { span } from './status.ts';

interface Options {
  readonly json?: true;
  readonly queue?: Queue;
  readonly state?: JobRow['state'];
  readonly build?: string;
}

export function addJobs(program: Command, context: Context): void {
  program
    .command('jobs')
    .description('jobs that wait, run, or have ended')
    .addOption(new Option('--queue <QUEUE>', 'one queue').choices(queues))
    .addOption(
      new Option('--state <STATE>', 'one state').choices([
        'pending',
        'leased',
        'settled',
        'set-aside',
        'cancelled',
      ]),
    )
    .option('--build <BUILD>', 'the jobs of one build, by its 16 characters')
    .option('--json', 'one object a line')
    .action(async ({ json, ...request }: Options) => {
      const { caller, terminal, stop } = context;
      const rows: JobRow[] = [];
      for await (const row of queryRows(caller, 'jobs', request, { parse: parseJobRow, signal: stop })) {
        if (json) terminal.json(row);
        else rows.push(row);
      }
      if (!json) for (const line of show(rows, context.clock.now())) terminal.print(line);
    });
}

function show(rows: readonly JobRow[], now: number): string[] {
  return table(
    ['JOB', 'STATE', 'HOLDER', 'TRIES', 'CHANGED', 'ABOUT', ''],
    rows.map((row) => [
      row.id,
      row.state,
      row.holder ?? '-',
      String(row.tries),
      `${span(Math.max(0, now - row.changed))} ago`,
      row.about,
      row.progress ?? row.say ?? '',
    ]),
  );
}
