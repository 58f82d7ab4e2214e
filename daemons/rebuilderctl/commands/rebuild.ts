import type { Command } from 'commander';
import type { ResultRow } from '../../lib/contracts/documents/views.ts';
import { ConfigError } from '../../lib/daemon/config-file.ts';
import { parseDist } from '../../lib/domain/dist.ts';
import type { FailureCode } from '../../lib/domain/verdict.ts';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../errors.ts';
import { explain } from '../explain.ts';
import { nativeArchitecture } from '../native-architecture.ts';
import { parsePackage } from '../package-argument.ts';
import { NoBuild } from '../rebuild/follow.ts';
import { LineFailure } from '../rebuild/line-process.ts';
import { rebuildOnce } from '../rebuild/run.ts';
import { type Asked, exitCodeOf, failed, type RebuildSummary, summarize } from '../rebuild/summary.ts';
import { paint, table } from '../terminal.ts';

interface Options {
  readonly suite: string;
  readonly buildinfo: readonly string[];
  readonly mirror: readonly string[];
  readonly architecture?: string;
  readonly conf?: string;
  readonly output?: string;
  readonly json?: true;
  readonly keepBase?: true;
  readonly log?: true;
  readonly keepRunning?: true;
}

export function addRebuild(program: Command, context: Context): void {
  program
    .command('rebuild')
    .description(
      'rebuild one official package here and now, with no service running, and compare it byte for byte',
    )
    .argument('<SOURCE[=VERSION]>', 'the version of the source or of its binaries; without it the newest')
    .requiredOption('--suite <SUITE>', 'a suite or codename of the mirror, such as bookworm')
    .option(
      '--buildinfo <FILE>',
      'rebuild the parts it names in its environment; may be given again',
      collect,
      [],
    )
    .option('--output <DIR>', 'where files, logs, evidence and links go')
    .option('--json', 'one object on standard output, on failure too')
    .option('--conf <FILE>', 'a rebuilder.conf with mirrors, keyrings and limits')
    .option(
      '--mirror <LINE>',
      "instead of this host's apt configuration: 'deb URI SUITE COMPONENT...'",
      collect,
      [],
    )
    .option('--architecture <ARCH>', "build for it (default: this host's)")
    .option('--keep-base', 'once the result is told, make the base of its environment for later rebuilds')
    .option('--log', "show the build's log as it comes")
    .option('--keep-running', 'leave the line running after the result until Ctrl-C')
    .addHelpText(
      'after',
      `
Exit codes: 0 reproducible; 1 unreproducible; 2 failure: no verdict could be reached, and the code says why.
Bases, packages and indexes are kept in $XDG_CACHE_HOME/package-rebuilder, for root without that variable in
/var/cache/package-rebuilder.`,
    )
    .action(async (text: string, options: Options) => {
      context.exit(await rebuild(context, text, options));
    });
}

/** Never throws, and tells one summary whatever happens. What goes wrong after the verdict is a failure all the same. */
async function rebuild(context: Context, text: string, options: Options): Promise<ExitCode> {
  const asked = askedFor(text, options.buildinfo.length > 0);
  let summary: RebuildSummary | undefined;
  const tell = (told: RebuildSummary) => {
    summary = told;
    show(context, told, options.json === true);
  };
  try {
    const wanted = parsePackage(text);
    const architecture = options.architecture ?? (await nativeArchitecture());
    const { suite } = options;
    parseDist(`${suite}.${architecture}`);
    await rebuildOnce(
      context,
      wanted,
      {
        suite,
        architecture,
        buildinfos: options.buildinfo,
        mirrors: options.mirror,
        ...(options.conf === undefined ? {} : { conf: options.conf }),
        ...(options.output === undefined ? {} : { output: options.output }),
        keepBase: options.keepBase === true,
        log: options.log === true,
        keepRunning: options.keepRunning === true,
      },
      (rows: readonly ResultRow[]) => tell(summarize(asked, rows)),
    );
  } catch (error) {
    const { message, next } = explain(error);
    context.terminal.note(`rebuilderctl: ${message}`);
    if (next !== undefined) context.terminal.note(next);
    if (summary === undefined) tell(failed(asked, codeOf(error)));
    return exitCodes.failed;
  }
  return summary === undefined ? exitCodes.failed : exitCodeOf(summary);
}

/** What the command line names, even where it is not well-formed: a failure tells it, too. */
export function askedFor(text: string, withBuildinfo: boolean): Asked {
  const at = text.indexOf('=');
  return {
    source: at < 0 ? text : text.slice(0, at),
    version: at < 0 ? null : text.slice(at + 1),
    environment: withBuildinfo ? 'buildinfo' : 'inferred',
  };
}

function codeOf(error: unknown): FailureCode {
  if (error instanceof NoBuild) return error.code;
  return error instanceof LineFailure || error instanceof ConfigError ? 'sandbox' : 'protocol';
}

function show({ terminal }: Context, summary: RebuildSummary, json: boolean): void {
  if (json) {
    terminal.json(summary);
    return;
  }
  const rows = summary.files.map((file) => [
    file.verdict,
    file.name,
    file.officialSha256 ?? '-',
    file.rebuiltSha256 ?? '-',
  ]);
  if (rows.length > 0) {
    for (const line of table(['VERDICT', 'FILE', 'OFFICIAL SHA256', 'REBUILT SHA256'], rows))
      terminal.print(line);
    terminal.print('');
  }
  const name = summary.version === null ? summary.source : `${summary.source} ${summary.version}`;
  const why = summary.code === null ? '' : ` (${summary.code})`;
  terminal.print(`${name}: ${paint(terminal, summary.verdict)}${why}`);
}
