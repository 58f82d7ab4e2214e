import type { PhaseSeconds, ResultRow } from '../../lib/contracts/documents/views.ts';
import type { BuildVerdict, FailureCode, FileVerdict } from '../../lib/domain/verdict.ts';
import { type ExitCode, exitCodes } from '../errors.ts';

/** The one object that `rebuilderctl rebuild --json` prints. */
export interface RebuildSummary {
  readonly source: string;
  /** As it was asked for, else the source's; null if none was found. */
  readonly version: string | null;
  readonly environment: 'buildinfo' | 'inferred';
  readonly verdict: BuildVerdict;
  /** null unless the verdict is `failure`. */
  readonly code: FailureCode | null;
  /** `name` as the pool has it. */
  readonly files: readonly Readonly<{
    name: string;
    officialSha256: string | null;
    rebuiltSha256: string | null;
    verdict: FileVerdict;
  }>[];
  readonly seconds: PhaseSeconds;
}

/** What was asked for, as far as it was understood. */
export interface Asked {
  readonly source: string;
  readonly version: string | null;
  readonly environment: 'buildinfo' | 'inferred';
}

const phases = ['get', 'inputs', 'environment', 'build', 'attest'] as const satisfies (keyof PhaseSeconds)[];

const badness: Readonly<Record<BuildVerdict, number>> = { reproducible: 0, unreproducible: 1, failure: 2 };

/**
 * Of several builds of one source (its architecture-dependent and -independent parts) the worst one counts; files are
 * joined and seconds are summed. A row that is not settled counts as a failure of ours.
 */
export function summarize(asked: Asked, rows: readonly ResultRow[]): RebuildSummary {
  const worst = [...rows].sort((a, b) => badness[verdictOf(b)] - badness[verdictOf(a)])[0];
  if (worst === undefined) return failed(asked, 'source-missing');
  const verdict = verdictOf(worst);
  return {
    source: asked.source,
    version: asked.version ?? worst.sourceVersion,
    environment: rows.some((row) => row.environment === 'buildinfo') ? 'buildinfo' : 'inferred',
    verdict,
    code: verdict === 'failure' ? (worst.code ?? 'protocol') : null,
    files: rows.flatMap((row) =>
      row.files.map((file) => ({
        name: file.name,
        officialSha256: file.officialSha256,
        rebuiltSha256: file.rebuiltSha256,
        verdict: file.verdict,
      })),
    ),
    seconds: sumOf(rows),
  };
}

/** No verdict was reached: nothing is known of any file. */
export function failed(asked: Asked, code: FailureCode): RebuildSummary {
  return { ...asked, verdict: 'failure', code, files: [], seconds: sumOf([]) };
}

export function exitCodeOf({ verdict }: RebuildSummary): ExitCode {
  if (verdict === 'reproducible') return exitCodes.done;
  return verdict === 'unreproducible' ? exitCodes.no : exitCodes.failed;
}

function verdictOf(row: ResultRow): BuildVerdict {
  return row.verdict ?? 'failure';
}

function sumOf(rows: readonly ResultRow[]): PhaseSeconds {
  const sum = (phase: keyof PhaseSeconds) => {
    const known = rows.map((row) => row.seconds[phase]).filter((seconds) => seconds !== null);
    return known.length === 0 ? null : round(known.reduce((total, seconds) => total + seconds, 0));
  };
  return Object.fromEntries(phases.map((phase) => [phase, sum(phase)])) as PhaseSeconds;
}

function round(seconds: number): number {
  return Math.round(seconds * 1_000) / 1_000;
}
