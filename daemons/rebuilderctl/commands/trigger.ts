import type { Command } from 'commander';
import type { TriggerArgument, TriggerReply } from '../../lib/contracts/trigger.ts';
import { parseDist } from '../../lib/domain/dist.ts';
import type { OutgoingObject } from '../../lib/wire/frame.ts';
import { readBuildinfos } from '../buildinfo-file.ts';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { parsePackage } from '../package-argument.ts';
import { askFor } from '../trigger-call.ts';

export function addTrigger(program: Command, context: Context): void {
  const command = program.command('trigger').description('ask for work now');
  const submit = async (
    argument: TriggerArgument,
    request: object,
    objects: readonly OutgoingObject[] = [],
  ) => {
    say(context, await askFor(context, argument, request, objects), command.opts<{ json?: true }>().json);
  };
  command.option('--json', 'the answer as one object');

  command
    .command('get')
    .description('read the archive of a dist, or of every configured one')
    .argument('[DIST]', 'such as bookworm.amd64', (text: string) => parseDist(text).text)
    .action((dist?: string) => submit('get', dist === undefined ? {} : { dist }));
  command
    .command('rebuild')
    .description('rebuild one source package of some dists')
    .argument('<SOURCE[=VERSION]>', 'the version of the source or of its binaries', parsePackage)
    .argument('<DIST...>', 'such as bookworm.amd64 bookworm.all')
    .option('--buildinfo <FILE>', 'its environment; may be given again', collect, [])
    .action(
      async (wanted: ReturnType<typeof parsePackage>, dists: string[], options: { buildinfo: string[] }) => {
        const buildinfos = await readBuildinfos(options.buildinfo);
        const request = { ...wanted, dists: dists.map((dist) => parseDist(dist).text) };
        await submit('rebuild', request, buildinfos);
      },
    );
  command
    .command('report')
    .description('make the pages of results')
    .action(() => submit('report', {}));
  command
    .command('upload')
    .description('send the publication to the mirrors')
    .action(() => submit('upload', {}));
}

function say({ terminal }: Context, reply: TriggerReply, json: true | undefined): void {
  if (json) {
    terminal.json({ submitted: reply.submitted, jobs: reply.jobs });
    return;
  }
  terminal.print(reply.submitted === 0 ? 'already waiting' : `submitted: ${reply.submitted}`);
  for (const job of reply.jobs) terminal.print(job);
}
