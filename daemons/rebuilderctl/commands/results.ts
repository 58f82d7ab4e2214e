import type { Command } from 'commander';
import { parseResultRow, type ResultRow } from '../../lib/contracts/documents/views.ts';
import { parseDist } from '../../lib/domain/dist.ts';
import { parseSourceName, type SourceName } from '../../lib/domain/names.ts';
import { queryRows } from '../../lib/wire/rows.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { paint, table } from '../terminal.ts';

interface Options {
  readonly json?: true;
  readonly dist?: string;
}

export function addResults(program: Command, context: Context): void {
  program
    .command('results')
    .description('verdicts, by build and file')
    .argument('[SOURCE]', 'one source package', parseSourceName)
    .option('--dist <DIST>', 'one dist, such as bookworm.amd64', (text: string) => parseDist(text).text)
    .option('--json', 'one object a line')
    .action(async (source: SourceName | undefined, options: Options) => {
      const { caller, terminal, stop } = context;
      const request = {
        ...(source === undefined ? {} : { source }),
        ...(options.dist === undefined ? {} : { dist: options.dist }),
      };
      const rows: ResultRow[] = [];
      let found = false;
      for await (const row of queryRows(caller, 'results', request, {
        parse: parseResultRow,
        signal: stop,
      })) {
        found = true;
        if (options.json) terminal.json(row);
        else rows.push(row);
      }
      if (!found) {
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
