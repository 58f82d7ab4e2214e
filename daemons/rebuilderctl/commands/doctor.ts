import type { Command } from 'commander';
import { daemonRoles, isDaemonRole } from '../../lib/domain/roles.ts';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { examineQube } from '../doctor/examine.ts';
import { gatherFacts } from '../doctor/facts.ts';
import { CommandError, exitCodes } from '../errors.ts';
import { linesOf } from '../layout/report.ts';

export function addDoctor(program: Command, context: Context): void {
  program
    .command('doctor')
    .description('whether this qube, or host, has what its daemons need')
    .option(
      '--role <ROLE>',
      'look at this role, whether it is switched on here or not; may be given again',
      collect,
    )
    .option('--json', 'one object: what is so here, and what was found')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing to do; 1 something to do; 2 the command was not understood.',
    )
    .action((options: { role?: readonly string[]; json?: true }) => examine(context, options));
}

async function examine(
  { terminal, env, exit }: Context,
  { role: named = [], json }: { role?: readonly string[]; json?: true },
): Promise<void> {
  const unknown = named.find((role) => !isDaemonRole(role));
  if (unknown !== undefined)
    throw new CommandError(`--role: found ${unknown}, expected ${daemonRoles.join(', ')}`);
  const facts = await gatherFacts(named.filter(isDaemonRole), env);
  const findings = examineQube(facts);
  if (json) {
    terminal.json({ ...facts, findings });
  } else {
    for (const line of findings.flatMap(linesOf)) terminal.print(line);
    const roles = facts.roles.map(({ role }) => role).join(', ');
    if (findings.length === 0) terminal.print(`${facts.qube}: ${roles}: nothing to do`);
  }
  if (findings.length > 0) exit(exitCodes.no);
}
