import type { Command } from 'commander';
import {
  parseResultRow,
  parseVerdictRow,
  type ResultRow,
  type VerdictRow,
} from '../../lib/contracts/documents/views.ts';
import { isoTime } from '../../lib/daemon/clock.ts';
import { parseDist } from '../../lib/domain/dist.ts';
import { parseSourceName, type SourceName } from '../../lib/domain/names.ts';
import { queryRows } from '../../lib/wire/rows.ts';
import type { Context } from '../context.ts';
import { CommandError, exitCodes } from '../errors.ts';
import { deliver } from '../rebuild/deliver.ts';
import { paint, table } from '../terminal.ts';

interface Options {
  readonly json?: true;
  readonly dist?: string;
  readonly history?: true;
  readonly output?: string;
}

export function addResults(program: Command, context: Context): void {
  program
    .command('results')
    .description('verdicts, by build and file')
    .argument('[SOURCE]', 'one source package', parseSourceName)
    .option('--dist <DIST>', 'one dist, such as bookworm.amd64', (text: string) => parseDist(text).text)
    .option('--history', "also every verdict that the source's builds were settled with")
    .option('--json', 'one object a line')
    .option('-o, --output <DIR>', 'also save the files, log, evidence and links of each there')
    .action(async (source: SourceName | undefined, options: Options) => {
      const { caller, terminal, stop } = context;
      if (options.history && source === undefined) {
        throw new CommandError('--history: whose? Name a source: rebuilderctl results SOURCE --history');
      }
      const request = {
        ...(source === undefined ? {} : { source }),
        ...(options.dist === undefined ? {} : { dist: options.dist }),
      };
      const rows: Told[] = [];
      for await (const row of queryRows(caller, 'results', request, {
        parse: parseResultRow,
        signal: stop,
      })) {
        const told = options.history ? { ...row, history: await historyOf(context, row) } : row;
        if (options.json) terminal.json(told);
        rows.push(told);
      }
      if (options.output !== undefined) await deliver(context, rows, options.output);
      if (rows.length === 0) {
        terminal.note('no results');
        context.exit(exitCodes.no);
      } else if (!options.json) {
        show(context, rows, source !== undefined);
      }
    });
}

/** A row, and where it was asked for, all that came before it. */
type Told = ResultRow & Readonly<{ history?: readonly VerdictRow[] }>;

async function historyOf({ caller, stop }: Context, { build }: ResultRow): Promise<readonly VerdictRow[]> {
  const verdicts: VerdictRow[] = [];
  const options = { parse: parseVerdictRow, signal: stop };
  for await (const row of queryRows(caller, 'history', { build }, options)) verdicts.push(row);
  return verdicts;
}

function show({ terminal }: Context, rows: readonly Told[], withFiles: boolean): void {
  const lines = table(
    ['SOURCE', 'VERSION', 'DIST', 'STATE', 'BUILD', 'ATTESTED', 'WHY'],
    rows.map((row) => [
      row.source,
      row.version,
      row.dist,
      row.state,
      row.build,
      attestedOf(row),
      reasonOf(row),
    ]),
  );
  terminal.print(lines[0] ?? '');
  rows.forEach((row, index) => {
    const line = lines[index + 1] ?? '';
    terminal.print(line.replace(`  ${row.state}`, (text) => paint(terminal, row.state, text)));
    if (!withFiles) return;
    for (const fileLine of table(
      ['', '', ''],
      row.files.map((file) => ['', file.verdict, file.name]),
    ).slice(1)) {
      terminal.print(fileLine);
    }
    for (const verdictLine of table(
      ['', '', '', ''],
      (row.history ?? []).map((one) => ['', `${isoTime(one.at).slice(0, 19)}Z`, one.verdict, whyOf(one)]),
    ).slice(1)) {
      terminal.print(verdictLine);
    }
  });
}

/** What was signed and stays published, whatever the state says of the latest attempt. */
function attestedOf({ attested }: ResultRow): string {
  const parts = attested.map(
    ({ verdict, at }) => `${verdict === 'failure' ? 'in part' : verdict} ${isoTime(at).slice(0, 10)}`,
  );
  return parts.join(', ') || '-';
}

function whyOf(verdict: VerdictRow): string {
  const signed = verdict.signedBy.length === 0 ? 'nothing signed' : `signed by ${verdict.signedBy.join(' ')}`;
  return [signed, reasonOf(verdict)].filter((part) => part !== '').join('; ');
}

function reasonOf(row: Pick<ResultRow, 'code' | 'say'>): string {
  return [row.code, row.say].filter((part) => part !== null && part !== '').join(': ');
}
