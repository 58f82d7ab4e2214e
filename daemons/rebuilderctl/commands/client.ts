import type { Command } from 'commander';
import { sweep } from '../client/carry-out.ts';
import { checkClient } from '../client/check.ts';
import { type CarryOutOptions, deliverPlan } from '../client/deliver.ts';
import { clientAdvice } from '../client/findings.ts';
import { type InstallOptions, prepareInstallation } from '../client/install.ts';
import { readManifest } from '../client/manifest.ts';
import { planRemoval } from '../client/plan.ts';
import { outlineOf, reportOf, tellReport } from '../client/report.ts';
import { Root } from '../client/root.ts';
import { parseLogLevel, parseRebuilder } from '../client/settings.ts';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { linesOf } from '../layout/report.ts';

interface Options {
  readonly root?: string;
  readonly json?: true;
}
interface CheckOptions extends Options {
  readonly accept?: readonly string[];
}
interface ChangeOptions extends Options {
  readonly apply?: true;
  readonly force?: true;
}
type InstallFlags = ChangeOptions &
  Omit<InstallOptions, 'noFail'> & { readonly fail?: boolean; readonly gpgHome?: string };

const rootHelp = 'set up the machine whose root this folder is, such as an image';
const changeHelp = `
Without --apply nothing is changed: what would be is shown as a unified diff. With it, all is done or nothing; if it is
killed, the next run finishes it or takes it back.
Exit codes: 0 done, shown, or nothing to do; 2 not: nothing was changed.`;

export function addClient(program: Command, context: Context): void {
  const command = program
    .command('client')
    .description('have apt on this machine refuse what nobody could reproduce');
  changing(
    command
      .command('install')
      .description("write apt's configuration, the layout, the key ring of its owners, and sources")
      .option('--rebuilder <URL>', 'whom to ask for links; may be given again', rebuilders)
      .option('--layout <FILE>', 'the root layout, signed by each --owner-key')
      .option(
        '--owner-key <KEY>',
        'whose signature on the layout apt wants: a full fingerprint or a file; may be given again',
        collect,
      )
      .option('--fail', 'have apt install nothing else; so it is unless told')
      .option('--no-fail', 'let apt install what too few rebuilders have a link for')
      .option(
        '--log-level <N>',
        '10 tells everything, 20 each step, 30 warnings (default: 20)',
        parseLogLevel,
      )
      .option(
        '--source <LINE>',
        "a line to write: 'deb intoto://HOST/PATH SUITE COMPONENT'; may be given again",
        collect,
      )
      .option(
        '--convert [URI]',
        'turn http:// sources into intoto:// ones: all, or those of this archive; may be given again',
        archives,
      )
      .option('--gpg-home <DIR>', 'the GnuPG home with the public keys (default: your own)'),
    `
What is not said stays as it was installed before; the sources, too. KEY may be a fingerprint in gpg's key ring or a file.
A layout by which apt would refuse every package is refused. apt-transport-in-toto (Debian 12 and older) speaks only http to
an archive; the method of package-rebuilder-client reads intoto+https:// sources, too.`,
  ).action((options: InstallFlags) => install(context, options));
  changing(
    command.command('remove').description('put everything back as it was before the first installation'),
    '',
  ).action((options: ChangeOptions) => remove(context, options));
  command
    .command('check')
    .description('find what keeps apt from verifying what it installs, today and within 60 days')
    .option('--root <DIR>', 'look at the machine whose root this folder is')
    .option(
      '--accept <URI>',
      'an archive whose packages need no rebuilder, or all below it; may be given again',
      collect,
    )
    .option('--json', 'one object')
    .addHelpText(
      'after',
      `
It needs no installation by this command. Each rebuilder is asked for links of installed packages, as apt would.
Exit codes: 0 nothing to do; 1 something to do; 2 apt's configuration cannot be read.
Findings, each with what to do: ${Object.keys(clientAdvice).join(' ')} layout-CODE (as layout check says it).`,
    )
    .action((options: CheckOptions) => check(context, options));
}

function changing(command: Command, help: string): Command {
  return command
    .option('--root <DIR>', rootHelp)
    .option('--apply', 'do it')
    .option('--force', 'overwrite what was changed by hand since; it is kept as FILE.save')
    .option('--json', 'tell what was done as one object')
    .addHelpText('after', `${help}${changeHelp}`);
}

async function install(context: Context, options: InstallFlags): Promise<void> {
  const { terminal, env, clock } = context;
  const root = await Root.open(options.root);
  const { fail, gpgHome } = options;
  const installation = await prepareInstallation(
    root,
    { ...options, noFail: fail === undefined ? undefined : !fail },
    { command: env.GNUPG, home: gpgHome },
    clock.now(),
  );
  const delivered = await deliverPlan(context, root, installation.plan, flags(options));
  const report = reportOf(installation, delivered);
  if (options.json) terminal.json(report);
  else tellReport(terminal, root, report);
}

async function remove(context: Context, options: ChangeOptions): Promise<void> {
  const { terminal } = context;
  const root = await Root.open(options.root);
  const previous = await readManifest(root);
  const plan = previous === undefined ? undefined : await planRemoval(root, previous);
  const delivered = await deliverPlan(context, root, plan, flags(options));
  if (plan === undefined && options.apply) await sweep(root);
  if (options.json) terminal.json(delivered);
}

async function check(context: Context, options: CheckOptions): Promise<void> {
  const { terminal } = context;
  const report = await checkClient(await Root.open(options.root), context, options.accept);
  if (options.json) terminal.json(report);
  else {
    terminal.print(outlineOf(report));
    for (const line of report.findings.flatMap(linesOf)) terminal.print(line);
  }
  if (report.findings.length > 0) context.exit(exitCodes.no);
}

function flags({ apply, force, json }: ChangeOptions): CarryOutOptions {
  return { apply: apply === true, force: force === true, json: json === true };
}

function rebuilders(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, parseRebuilder(text)];
}

/** Without a URI once, all of them. */
function archives(uri: string, before: readonly string[] | true = []): readonly string[] | true {
  return before === true ? true : [...before, uri];
}
