import type { Command } from 'commander';
import { EvidenceError } from '../../lib/evidence/published/errors.ts';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { escapeLog } from '../terminal.ts';
import { advice, VerifyError } from '../verify/errors.ts';
import { checkEvidenceOf, type NamedEvidence, readJudges } from '../verify/evidence.ts';
import { judgePackage } from '../verify/judge.ts';
import { readPackageFile } from '../verify/package-file.ts';
import { openPublications } from '../verify/publications.ts';
import {
  evidenceReport,
  linesOf,
  refusedBy,
  reportOf,
  unjudged,
  type VerifyReport,
} from '../verify/report.ts';
import { type NamedTrust, readTrust } from '../verify/trust.ts';

interface Options extends NamedTrust, NamedEvidence {
  readonly publication: readonly string[];
  readonly evidence?: true;
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
    .option(
      '--evidence',
      'check again what the verdict rests on: statement, signed Release and index, buildinfo',
    )
    .option(
      '--statement-key <FILE>',
      "with --evidence: a rebuilder's Ed25519 key (PEM) that must have signed the statement; may be given again",
      collect,
    )
    .option(
      '--archive-keyring <[SUITE=]FILE>',
      "with --evidence: keys of an archive beside Debian's own; may be given again",
      collect,
    )
    .option(
      '--index <FILE|DIR>',
      "with --evidence: Packages files to find the archive's word in (default: apt's own lists); may be given again",
      collect,
    )
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
    const judges = options.evidence ? await readJudges(options) : undefined;
    const judgement = await judgePackage(file, trust, publications.all, clock.now(), stop);
    if (judges === undefined || judgement.verdict !== 'accepted') return reportOf(path, file, judgement);
    const from = new Set(judgement.vouchers.map((voucher) => voucher.from));
    const vouching = publications.all.filter(({ name }) => from.has(name));
    try {
      const evidence = await checkEvidenceOf(file, vouching, judges, { clock, signal: stop });
      return { ...reportOf(path, file, judgement), evidence: evidence.map(evidenceReport) };
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      return refusedBy(error, reportOf(path, file, judgement));
    }
  } catch (error) {
    if (error instanceof VerifyError) return unjudged(path, error.code, error.message);
    throw error;
  } finally {
    await publications.close();
  }
}
