import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianKeyrings, type Keyring, keyringsNamedFor } from '../../lib/archive/keyring.ts';
import { LookupStore } from '../../lib/archive/lookup-store.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import { type PublicationPath, parseDebVersion } from '../../lib/domain/names.ts';
import { buildVersion } from '../../lib/domain/version.ts';
import { type Ed25519Public, readEd25519Pem } from '../../lib/evidence/ed25519.ts';
import { type CheckedEvidence, checkEvidence } from '../../lib/evidence/published/check.ts';
import type { EvidenceOptions, Subject } from '../../lib/evidence/published/subject.ts';
import { CommandError } from '../errors.ts';
import { readCapped } from '../read-file.ts';
import { VerifyError } from './errors.ts';
import { openIndexes } from './indexes.ts';
import type { PackageFile } from './package-file.ts';
import type { Publication } from './publications.ts';

/** By what evidence is judged, as a command names it. */
export interface NamedEvidence {
  readonly statementKey?: readonly string[];
  readonly archiveKeyring?: readonly string[];
  readonly index?: readonly string[];
}

/** What evidence is judged by, read and checked. */
export type Judges = Pick<EvidenceOptions, 'statementKeys' | 'keyringsOf' | 'findIndex'>;

export type EvidenceOf = Readonly<{ publication: string }> & CheckedEvidence;

const maxPemBytes = 65_536;

/** @throws VerifyError `statement-key-missing`, `index-unreadable` */
export async function readJudges(named: NamedEvidence): Promise<Judges> {
  const keyrings = (named.archiveKeyring ?? []).map(keyringOf);
  return {
    statementKeys: await Promise.all((named.statementKey ?? []).map(readStatementKey)),
    keyringsOf: (suite) => [
      ...debianKeyrings(),
      ...keyrings.flatMap(({ suite: only, file }): readonly Keyring[] =>
        only === undefined ? [{ file }] : keyringsNamedFor(suite, [{ suite: only, file }]),
      ),
    ],
    findIndex: await openIndexes(named.index ?? []),
  };
}

/**
 * Checks the evidence of every publication that vouched for the file.
 *
 * @throws EvidenceError; VerifyError `publication-unreachable`
 */
export async function checkEvidenceOf(
  file: PackageFile,
  publications: readonly Publication[],
  judges: Judges,
  { clock, signal }: Readonly<{ clock: Clock; signal: AbortSignal }>,
): Promise<readonly EvidenceOf[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rebuilderctl-verify-'));
  try {
    const lookups = new LookupStore(folder, { clock });
    const checked: EvidenceOf[] = [];
    for (const publication of publications) {
      const read = (path: string, max: number) => readFrom(publication, path as PublicationPath, max, signal);
      const found = await checkEvidence({ ...judges, subject: subjectOf(file), read, lookups });
      checked.push({ publication: publication.name, ...found });
    }
    return checked;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function subjectOf({
  package: name,
  version,
  architecture,
  source,
  sourceVersion,
  sha256,
}: PackageFile): Subject {
  const built = parseDebVersion(buildVersion(sourceVersion, version));
  return { package: name, version, architecture, source, buildVersion: built, sha256 };
}

async function readFrom(
  publication: Publication,
  path: PublicationPath,
  max: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const answer = await publication.read(path, max, signal);
  if (answer.kind === 'unreachable') throw new VerifyError('publication-unreachable', answer.say);
  return answer.kind === 'found' ? answer.bytes : undefined;
}

function keyringOf(named: string): Readonly<{ suite: string | undefined; file: string }> {
  const [, suite, file = named] = /^([^=/]+)=(.+)$/.exec(named) ?? [];
  return { suite, file };
}

async function readStatementKey(file: string): Promise<Ed25519Public> {
  let content: Buffer;
  try {
    content = await readCapped(file, maxPemBytes);
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    throw new VerifyError('statement-key-missing', cause.message, { cause });
  }
  const key = readEd25519Pem(content.toString('utf8'));
  if (key !== undefined) return key;
  throw new VerifyError('statement-key-missing', `${file}: not an Ed25519 public key in PEM`);
}
