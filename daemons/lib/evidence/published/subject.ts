import type { Keyring } from '../../archive/keyring.ts';
import type { IndexName, LookupStore } from '../../archive/lookup-store.ts';
import type { Architecture, BinaryName, DebVersion, Sha256, SourceName } from '../../domain/names.ts';
import type { Ed25519Public } from '../ed25519.ts';

/** A file of a package, as its own control file describes it. */
export interface Subject {
  readonly package: BinaryName;
  readonly version: DebVersion;
  readonly architecture: Architecture;
  readonly source: SourceName;
  /** Of the build that made it: a binNMU's has its `+bN`. */
  readonly buildVersion: DebVersion;
  readonly sha256: Sha256;
}

export interface EvidenceOptions {
  readonly subject: Subject;
  /** Reads a file below the project's folder of a publication; undefined where there is none. */
  readonly read: (path: string, maxBytes: number) => Promise<Buffer | undefined>;
  /** Rebuilders' keys of the verdict, one of which must have signed; without any no statement is asked for. */
  readonly statementKeys: readonly Ed25519Public[];
  /** The archive's keys for a suite, the verifier's own. */
  readonly keyringsOf: (suite: string) => readonly Keyring[];
  /** A file of the verifier's that is one of these, by its sha256. */
  readonly findIndex: (
    forms: readonly IndexName[],
  ) => Promise<Readonly<{ form: IndexName; file: string }> | undefined>;
  readonly lookups: LookupStore;
}
