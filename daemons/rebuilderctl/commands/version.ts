import type { Command } from 'commander';
import { parseDebVersion } from '../../lib/domain/names.ts';
import { compareDebVersions } from '../../lib/domain/version.ts';
import type { Context } from '../context.ts';

export function addVersion(program: Command, context: Context): void {
  program
    .command('version')
    .description('Debian versions')
    .command('compare')
    .description('print <, = or >: how the first is to the second, as dpkg orders them')
    .argument('<A>', 'a version', trimmed)
    .argument('<B>', 'another', trimmed)
    .addHelpText('after', '\nExit codes: 0 compared, whatever the answer; 2 one is not a version.')
    .action((a: string, b: string) => {
      const order = compareDebVersions(a, b);
      context.terminal.print(order < 0 ? '<' : order > 0 ? '>' : '=');
    });
}

/** dpkg takes blanks around a version, too. */
function trimmed(text: string): string {
  return parseDebVersion(text.trim());
}
