import { ContractError } from '../../contracts/contract.ts';
import {
  type BuildEvidence,
  maxBuildEvidenceBytes,
  parseBuildEvidence,
} from '../../contracts/documents/build-evidence.ts';
import {
  type Architecture,
  type PublicationPath,
  parsePublicationPath,
  withoutEpoch,
} from '../../domain/names.ts';
import { publishedNames } from '../../domain/published.ts';
import { EvidenceError } from './errors.ts';
import type { EvidenceOptions, Subject } from './subject.ts';

/** Architectures of machines that build packages of `all` beside their own: one file is named by one of them. */
const builders = [
  'amd64',
  'arm64',
  'i386',
  'armhf',
  'armel',
  'ppc64el',
  's390x',
  'riscv64',
  'mips64el',
  'loong64',
] as readonly string[] as readonly Architecture[];

export interface PublishedEvidence {
  /** The build's name among those of its version: an architecture, or `all`. */
  readonly label: Architecture;
  readonly content: Buffer;
  readonly evidence: BuildEvidence;
}

/** Where something of one build is published, below the project's folder. */
export function besideOf({ source, buildVersion }: Subject, name: string): PublicationPath {
  return parsePublicationPath(`sources/${source}/${withoutEpoch(buildVersion)}/${name}`);
}

/**
 * The evidence of the build that made a file: of those found, the first that vouches for it, else the first.
 *
 * @throws EvidenceError `evidence-missing`, `evidence-malformed`
 */
export async function readBuildEvidence(
  subject: Subject,
  read: EvidenceOptions['read'],
  vouches: (evidence: BuildEvidence) => boolean,
): Promise<PublishedEvidence> {
  const { architecture } = subject;
  let first: PublishedEvidence | undefined;
  for (const label of architecture === 'all' ? [architecture, ...builders] : [architecture]) {
    const content = await read(besideOf(subject, publishedNames.evidence(label)), maxBuildEvidenceBytes);
    if (content === undefined) continue;
    const found = { label, content, evidence: parse(content) };
    if (vouches(found.evidence)) return found;
    first ??= found;
  }
  if (first !== undefined) return first;
  throw new EvidenceError(
    'evidence-missing',
    `no ${besideOf(subject, publishedNames.evidence(architecture))} for ${subject.package} ${subject.version} ${architecture}`,
  );
}

function parse(content: Buffer): BuildEvidence {
  try {
    return parseBuildEvidence(JSON.parse(content.toString('utf8')));
  } catch (error) {
    if (!(error instanceof ContractError || error instanceof SyntaxError)) throw error;
    throw new EvidenceError('evidence-malformed', error.message, { cause: error });
  }
}
