import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Series = Readonly<{ median: number; samples: readonly number[] }>;

/** `build/bench/NAME.json` (DESIGN §10). `ratio` = ours.median / rival.median. */
export type BenchReport = Readonly<{
  name: string;
  unit: string;
  ours: Series;
  rival: (Series & Readonly<{ name: string; version: string }>) | null;
  ratio: number | null;
  conditions: Readonly<Record<string, unknown>>;
}>;

export function series(samples: readonly number[]): Series {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  const median = sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
  return { median, samples };
}

/** Writes a report for programs and says it in a line for people. */
export async function writeReport(folder: string, report: BenchReport): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${report.name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  const rival = report.rival ? `, ${report.rival.name} ${report.rival.median.toFixed(2)}` : '';
  const ratio = report.ratio === null ? '' : `, ratio ${report.ratio.toFixed(2)}`;
  console.log(`bench: ${report.name}: ours ${report.ours.median.toFixed(2)} ${report.unit}${rival}${ratio}`);
}
