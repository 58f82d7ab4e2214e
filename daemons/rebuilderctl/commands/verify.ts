import type { Command } from 'commander';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { escapeLog } from '../terminal.ts';
import { advice, VerifyError } from '../verify/errors.ts';
import { judgePackage } from '../verify/judge.ts';
import { readPackageFile } from '../verify/package-file.ts';
import { openPublications } from '../verify/publications.ts';
import { linesOf, reportOf, unjudged, type VerifyReport } from '../verify/report.ts';
import { type NamedTrust, readTrust } from '../verify/trust.ts';

interface Options extends NamedTrust {
  readonly publication: readonly string[];
  readonly json?: true;
}

export function addVerify(program: Command, context: Context): void {
  program
    .command('verify')
    .description('decide about a package file as apt would: whether enough rebuilders made the same bytes')
    .argument('<FILE.deb>')
    .requiredOption('--layout <FILE>', 'the root layout, which says whose rebuilds to believe')
    .requiredOption(
      '--publication <DIR|URL>',
      'what a rebuilder published, the folder that holds sources/; may be given again',
      collect,
    )
    .option(
      '--owner-key <KEY>',
      'a key that must have signed the layout, a full fingerprint or a file; may be given again',
      collect,
    )
    .option('--gpg-home <DIR>', 'the GnuPG home with these public keys (default: your own)')
    .option('--json', 'one object')
    .addHelpText(
      'after',
      `\nExit codes: 0 accepted; 1 refused; 2 it could not be judged: nothing is known about the package.
Codes, each with what to do: ${Object.keys(advice).join(' ')}.`,
    )
    .action(async (file: string, options: Options) => {
      const report = await verify(context, file, options);
      if (options.json) context.terminal.json(report);
      else for (const line of linesOf(report)) context.terminal.print(escapeLog(line));
      const codes = { accepted: exitCodes.done, refused: exitCodes.no, 'not-judged': exitCodes.failed };
      context.exit(codes[report.verdict]);
    });
}

async function verify(context: Context, path: string, options: Options): Promise<VerifyReport> {
  const { clock, env, stop } = context;
  const publications = await openPublications(options.publication, clock, env);
  try {
    const file = await readPackageFile(path);
    const trust = await readTrust(context, options);
    return reportOf(path, file, await judgePackage(file, trust, publications.all, clock.now(), stop));
  } catch (error) {
    if (error instanceof VerifyError) return unjudged(path, error.code, error.message);
    throw error;
  } finally {
    await publications.close();
  }
}
