import type { Log } from '../../lib/daemon/log.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import { sourceFolder } from '../../lib/domain/link.ts';
import { type PublicationPath, parsePublicationPath, type Sha256 } from '../../lib/domain/names.ts';
import type { SignedVerdict } from '../../lib/domain/verdict.ts';
import type { BuildJob, Examined } from '../compare/examine.ts';
import type { DistSettings } from '../settings.ts';

/** What is published of one build, and from what it is made. */
export interface PublishOptions {
  readonly job: BuildJob;
  readonly examined: Examined;
  readonly settings: DistSettings;
  /** Reads an object of the job: a link published earlier, the .dsc. */
  readonly read: (sha256: Sha256, max: number) => Promise<Buffer>;
  readonly now: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** For the vault's journal. */
  readonly jobId: string;
  readonly progress: (stage: string, done?: number, total?: number) => void;
}

/** Where links and statements of one verdict are published. */
export interface Tree {
  readonly folder: string;
  readonly verdict: SignedVerdict;
  readonly perBinary: boolean;
}

/** The names of what is published for the source's version. */
export function besideOf({ folder: root }: Tree, build: BuildSpec): (name: string) => PublicationPath {
  const folder = sourceFolder(root, build.source, build.version);
  return (name) => parsePublicationPath(`${folder}/${name}`);
}
