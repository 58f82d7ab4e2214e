const stages: Readonly<Record<string, string>> = {
  feed: 'archive read',
  inputs: 'source and dependencies brought',
  rebuild: 'built',
  attest: 'judged and signed',
};

/** One line for a job that is over; undefined for the others. */
export function describeJob(
  job: Readonly<{ id: string; state: string; about: string; say: string | null }>,
): string | undefined {
  const stage = stages[job.id.slice(job.id.indexOf('.') + 1)];
  if (stage === undefined || !['settled', 'set-aside', 'cancelled'].includes(job.state)) return undefined;
  return `${job.about}: ${job.state === 'settled' ? stage : job.state}${job.say ? ` (${job.say})` : ''}`;
}

/** Says each step with the seconds since the start. */
export function progress(since: () => number): (text: string) => void {
  return (text) => process.stderr.write(`demo: ${since().toFixed(0).padStart(4)} s  ${text}\n`);
}

/** A plain table: columns padded to their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
