import type { ResultWhole, VerdictRow } from '../../../lib/contracts/documents/views.ts';
import type { Queue } from '../../../lib/contracts/job.ts';
import type { Architecture, Fingerprint, QubeName, Sha256 } from '../../../lib/domain/names.ts';
import type { BuildVerdict, FailureCode, ShownState } from '../../../lib/domain/verdict.ts';
import type { JobRecord, JobSpec, JobState, StoredPayload } from '../port.ts';

/** Rows as the file holds them, and as the port gives them. What is read here was parsed before it was written. */

export interface JobRowInFile {
  readonly seq: number;
  readonly id: string;
  readonly queue: string;
  readonly kind: string;
  readonly payload: string;
  readonly about: string;
  readonly dist: string | null;
  readonly build: string | null;
  readonly grp: string | null;
  readonly architecture: string | null;
  readonly priority: number;
  readonly line: number;
  readonly again: string;
  readonly rest: number;
  readonly state: string;
  readonly rerun: number;
  readonly not_before: number;
  readonly fence: number;
  readonly holder: string | null;
  readonly leased_at: number;
  readonly deadline: number;
  readonly renewed: number;
  readonly tries: number;
  readonly failed_package: number;
  readonly failed_ours: number;
  readonly kills: number;
  readonly settled_fence: number;
  readonly settled_digest: string | null;
  readonly settled_at: number;
  readonly resume: string | null;
  readonly code: string | null;
  readonly say: string | null;
  readonly log: string | null;
  readonly progress: string | null;
  readonly submitted: number;
  readonly changed: number;
}

export function jobOf(row: JobRowInFile): JobRecord {
  return {
    id: row.id,
    queue: row.queue as Queue,
    kind: row.kind,
    payload: JSON.parse(row.payload) as StoredPayload,
    about: row.about,
    dist: row.dist,
    build: row.build,
    group: row.grp,
    architecture: row.architecture as Architecture | null,
    priority: row.priority,
    line: row.line,
    again: row.again as JobSpec['again'],
    state: row.state as JobState,
    fence: row.fence,
    holder: row.holder as QubeName | null,
    leasedAt: row.leased_at,
    deadline: row.deadline,
    tries: row.tries,
    failed: { package: row.failed_package, ours: row.failed_ours },
    kills: row.kills,
    resume: row.resume,
    code: row.code as FailureCode | null,
    say: row.say,
    log: row.log as Sha256 | null,
    progress: row.progress,
    submitted: row.submitted,
    changed: row.changed,
  };
}

export interface ResultRowInFile {
  readonly seq: number;
  readonly build: string;
  readonly state: string;
  readonly changed: number;
  readonly whole: string;
}

/** State and time are columns of their own, so that many results change them in one statement. */
export function resultOf(row: ResultRowInFile): ResultWhole {
  const whole = JSON.parse(row.whole) as ResultWhole;
  return { ...whole, row: { ...whole.row, state: row.state as ShownState, changed: row.changed } };
}

export interface VerdictRowInFile {
  readonly seq: number;
  readonly build: string;
  readonly at: number;
  readonly verdict: string;
  readonly code: string | null;
  readonly say: string;
  readonly attestation: string | null;
  readonly signed_by: string;
}

export function verdictOf(row: VerdictRowInFile): VerdictRow {
  return {
    build: row.build,
    at: row.at,
    verdict: row.verdict as BuildVerdict,
    code: row.code as FailureCode | null,
    say: row.say,
    attestation: row.attestation as Sha256 | null,
    signedBy: JSON.parse(row.signed_by) as Fingerprint[],
  };
}
