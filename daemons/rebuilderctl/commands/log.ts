import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { followLog } from '../job-log.ts';

export function addLog(program: Command, context: Context): void {
  program
    .command('log')
    .description("a job's log; of a build, its rebuild's")
    .argument('<JOB>', 'a job id, or the 16 characters of a build', jobOf)
    .option('-f, --follow', 'go on while the job runs')
    .action(async (job: string, options: { follow?: true }) => {
      await followLog(context, job, {
        follow: options.follow === true,
        write: (bytes) => context.terminal.raw(bytes),
      });
    });
}

function jobOf(text: string): string {
  return text.includes('.') ? text : `${text}.rebuild`;
}
