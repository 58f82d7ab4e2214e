import { Command, CommanderError } from 'commander';
import { StopError } from '../lib/daemon/stop.ts';
import { addClient } from './commands/client.ts';
import { addControl } from './commands/control.ts';
import { addDoctor } from './commands/doctor.ts';
import { addHost } from './commands/host.ts';
import { addInspect } from './commands/inspect.ts';
import { addJobs } from './commands/jobs.ts';
import { addLayout } from './commands/layout.ts';
import { addLog } from './commands/log.ts';
import { addQuorum } from './commands/quorum.ts';
import { addRebuild, askedFor } from './commands/rebuild.ts';
import { addResign } from './commands/resign.ts';
import { addResults } from './commands/results.ts';
import { addStatus } from './commands/status.ts';
import { addTakeOver } from './commands/take-over.ts';
import { addTrigger } from './commands/trigger.ts';
import { addVerify } from './commands/verify.ts';
import { addVersion } from './commands/version.ts';
import type { Context } from './context.ts';
import { type ExitCode, exitCodes, exitCodesHelp } from './errors.ts';
import { explain } from './explain.ts';
import { failed } from './rebuild/summary.ts';

/** Parses and does one command line; returns the exit code and never throws. */
export async function runCommand(args: readonly string[], parts: Omit<Context, 'exit'>): Promise<number> {
  let exitCode: number = exitCodes.done;
  const context: Context = {
    ...parts,
    exit: (code: ExitCode) => {
      exitCode = code;
    },
  };
  const program = describe(context);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    if (isJsonRebuild(args)) parts.terminal.json(failed(askedFor(packageOf(args), false), 'protocol'));
    if (error instanceof CommanderError) return exitCodes.failed;
    if (error instanceof StopError) return exitCodes.failed;
    const { message, next, exitCode: code } = explain(error);
    parts.terminal.note(`rebuilderctl: ${message}`);
    if (next !== undefined) parts.terminal.note(next);
    return code;
  }
}

/** Every command with its options: what `--help` shows. */
function describe(context: Context): Command {
  const program = new Command('rebuilderctl')
    .description(
      'Rebuilds official packages and compares them byte for byte; steers and watches the line that does.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.print(text.trimEnd()),
      writeErr: (text) => context.terminal.note(text.trimEnd()),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .addHelpText('after', exitCodesHelp);
  addRebuild(program, context);
  addStatus(program, context);
  addTrigger(program, context);
  addResults(program, context);
  addJobs(program, context);
  addLog(program, context);
  addControl(program, context);
  addResign(program, context);
  addInspect(program, context);
  addDoctor(program, context);
  addVersion(program, context);
  addLayout(program, context);
  addVerify(program, context);
  addQuorum(program, context);
  addClient(program, context);
  addHost(program, context);
  addTakeOver(program, context);
  return program;
}

/** `rebuild --json` answers with an object even where its command line was not understood. */
function isJsonRebuild(args: readonly string[]): boolean {
  return args[0] === 'rebuild' && args.includes('--json');
}

function packageOf(args: readonly string[]): string {
  return args.slice(1).find((argument) => !argument.startsWith('-')) ?? '';
}
