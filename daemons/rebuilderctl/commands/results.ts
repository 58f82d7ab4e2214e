import type { Command } from 'commander';
import { parseResultRow, type ResultRow } from '../../lib/contracts/documents/views.ts';
import { parseDist } from '../../lib/domain/dist.ts';
import { parseSourceName, type SourceName } from '../../lib/domain/names.ts';
import { queryRows } from '../../lib/wire/rows.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { deliver } from '../rebuild/deliver.ts';
import { paint, table } from '../terminal.ts';

interface Options {
  readonly json?: true;
  readonly dist?: string;
  readonly output?: string;
}

export function addResults(program: Command, context: Context): void {
  program
    .command('results')
    .description('verdicts, by build and file')
    .argument('[SOURCE]', 'one source package', parseSourceName)
    .option('--dist <DIST>', 'one dist, such as bookworm.amd64', (text: string) => parseDist(text).text)
    .option('--json', 'one object a line')
    .option('-o, --output <DIR>', 'also save the files, log, evidence and links of each there')
    .action(async (source: SourceName | undefined, options: Options) => {
      const { caller, terminal, stop } = context;
      const request = {
        ...(source === undefined ? {} : { source }),
        ...(options.dist === undefined ? {} : { dist: options.dist }),
      };
      const rows: ResultRow[] = [];
      for await (const row of queryRows(caller, 'results', request, {
        parse: parseResultRow,
        signal: stop,
      })) {
        if (options.json) terminal.json(row);
        rows.push(row);
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

function show({ terminal }: Context, rows: readonly ResultRow[], withFiles: boolean): void {
  const lines = table(
    ['SOURCE', 'VERSION', 'DIST', 'STATE', 'BUILD', 'WHY'],
    rows.map((row) => [row.source, row.version, row.dist, row.state, row.build, reasonOf(row)]),
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
  });
}

function reasonOf(row: ResultRow): string {
  return [row.code, row.say].filter((part) => part !== null && part !== '').join(': ');
}
