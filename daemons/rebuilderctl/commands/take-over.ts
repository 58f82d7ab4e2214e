import type { Command } from 'commander';
import { seedFolder } from '../../lib/contracts/seed.ts';
import type { Context } from '../context.ts';
import { requireStandaloneRoot } from '../host/machine.ts';
import { takeOver } from '../take-over/take-over.ts';

export function addTakeOver(program: Command, context: Context): void {
  program
    .command('take-over')
    .description("go on with what PackageRebuilder kept on this host: links, the mirror's key, signing keys")
    .argument('[dir]', 'where it kept them', seedFolder)
    .option('--apply', 'do it')
    .addHelpText(
      'after',
      `
Without --apply nothing is changed: what would be is shown. With it what is in DIR is copied to where this host's line has it,
and nothing in DIR is changed; safe to run again. Its rebuilder.conf can be used as it is, without broker and backend.`,
    )
    .action((dir: string, options: { apply?: true }) => run(context, dir, options.apply === true));
}

async function run({ terminal }: Context, dir: string, apply: boolean): Promise<void> {
  requireStandaloneRoot();
  await takeOver(dir, apply, (line) => terminal.print(line));
  terminal.print(apply ? 'Next: systemctl restart rebuilder' : 'Nothing was changed: --apply does it.');
}
