import type { OfficialFile } from '../domain/build.ts';
import type { Sha256 } from '../domain/names.ts';
import { type FailureCode, type Fault, faultOf } from '../domain/verdict.ts';

/** Bytes that go with a failure, as the wire sends them. */
interface FailureObject {
  readonly size?: number;
  bytes(): AsyncIterable<Uint8Array>;
}

export interface JobFailureDetails extends ErrorOptions {
  /** The log, which must be one of `objects` or already kept by the orchestrator. */
  readonly log?: Sha256;
  /** What the signed index names for the build, when that is known. */
  readonly files?: readonly OfficialFile[];
  /** Sent with the outcome. */
  readonly objects?: readonly FailureObject[];
}

/** A job that cannot be done, thrown by whoever finds out: it becomes the failed outcome of the job. */
export class JobFailure extends Error {
  override readonly name = 'JobFailure';
  readonly fault: Fault;
  readonly log: Sha256 | undefined;
  readonly files: readonly OfficialFile[];
  readonly objects: readonly FailureObject[];

  constructor(
    readonly code: FailureCode,
    /** One sentence for people. */
    readonly say: string,
    details: JobFailureDetails = {},
  ) {
    super(`${code}: ${say}`, details);
    this.fault = faultOf(code);
    this.log = details.log;
    this.files = details.files ?? [];
    this.objects = details.objects ?? [];
  }
}
