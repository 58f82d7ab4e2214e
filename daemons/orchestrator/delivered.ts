import type { Attestation } from '../lib/contracts/documents/attestation.ts';
import type { BuildReport } from '../lib/contracts/documents/builder-report.ts';
import type { FeedBuild } from '../lib/contracts/documents/feed.ts';
import type { DebRecipe } from '../lib/contracts/documents/recipe.ts';
import type { FailedOutcome } from '../lib/contracts/return.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import type { LongList, PublicationFile } from './ledger/port.ts';

/** An outcome with its documents read and checked: what the pipeline decides on. */
export type Delivered =
  | Readonly<{ is: 'handed-back'; say: string }>
  | Readonly<{ is: 'failed'; outcome: FailedOutcome }>
  | Readonly<{
      is: 'feed';
      builds: readonly FeedBuild[] | LongList;
      resume: string | null;
      say: string;
      /** The evidence documents that the builds name, each with what it refers to. */
      evidence: ReadonlyMap<Sha256, readonly Sha256[]>;
    }>
  | Readonly<{ is: 'inputs'; recipe: Sha256; document: DebRecipe; buildinfo: Sha256 | null }>
  | Readonly<{ is: 'rebuild'; report: Sha256; document: BuildReport }>
  | Readonly<{ is: 'attest'; attestation: Sha256; document: Attestation }>
  | Readonly<{ is: 'report'; files: readonly PublicationFile[] }>
  | Readonly<{ is: 'upload'; sent: number; say: string }>
  | Readonly<{ is: 'other' }>;
