import { type Command, Option } from 'commander';
import { control, type Verb, type Which } from '../../lib/contracts/control.ts';
import { type Queue, queues } from '../../lib/contracts/job.ts';
import { parseDist } from '../../lib/domain/dist.ts';
import type { Context } from '../context.ts';
import { CommandError, exitCodes } from '../errors.ts';

const meanings: Readonly<Record<Verb, string>> = {
  cancel: 'end jobs that wait or run',
  requeue: 'try jobs again that ended, failed or were set aside',
  pause: 'lend no more jobs',
  resume: 'lend jobs again',
  drain: 'let running jobs end and lend no more',
  resign: 'have links signed again',
};

interface Options {
  readonly job?: string;
  readonly build?: string;
  readonly queue?: Queue;
  readonly dist?: string;
  readonly all?: true;
  readonly json?: true;
}

export function addControl(program: Command, context: Context): void {
  const command = program.command('control').description('steer jobs that wait or run');
  for (const [verb, meaning] of Object.entries(meanings) as [Verb, string][]) {
    command
      .command(verb)
      .description(meaning)
      .option('--job <JOB>', 'one job, by its id')
      .option('--build <BUILD>', 'one build, by its 16 characters')
      .addOption(new Option('--queue <QUEUE>', 'one queue').choices(queues))
      .option('--dist <DIST>', 'one dist', (text: string) => parseDist(text).text)
      .option('--all', 'everything')
      .option('--json', 'the answer as one object')
      .action(async (options: Options) => {
        const { caller, terminal, stop } = context;
        const { reply, done } = await caller.call(
          control,
          verb,
          { which: whichOf(options) },
          { signal: stop },
        );
        await done();
        if (options.json) terminal.json({ changed: reply.changed });
        else terminal.print(`changed: ${reply.changed}`);
        if (reply.changed === 0) context.exit(exitCodes.no);
      });
  }
}

function whichOf({ job, build, queue, dist, all }: Options): Which {
  const named: Which[] = [
    ...(job === undefined ? [] : [{ job }]),
    ...(build === undefined ? [] : [{ build }]),
    ...(queue === undefined ? [] : [{ queue }]),
    ...(dist === undefined ? [] : [{ dist }]),
    ...(all === undefined ? [] : [{ all }]),
  ];
  const [only, ...more] = named;
  if (only === undefined || more.length > 0) {
    throw new CommandError(
      `which jobs: ${named.length} given, expected one of --job, --build, --queue, --dist, --all`,
    );
  }
  return only;
}
