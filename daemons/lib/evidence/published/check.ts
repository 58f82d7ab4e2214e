import { createHash } from 'node:crypto';
import type { IndexName } from '../../archive/lookup-store.ts';
import type { BuildEvidence } from '../../contracts/documents/build-evidence.ts';
import type { JudgedFile } from '../../contracts/documents/judged-file.ts';
import type { Statement } from '../../contracts/documents/statement.ts';
import { publishedNames } from '../../domain/published.ts';
import type { VouchingRelease } from '../signed-indexes.ts';
import { checkBuildinfo } from './buildinfo.ts';
import { besideOf, type PublishedEvidence, readBuildEvidence } from './document.ts';
import { EvidenceError } from './errors.ts';
import { believeReleasesOf, findInIndexes } from './releases.ts';
import { openStatement } from './statement.ts';
import type { EvidenceOptions, Subject } from './subject.ts';

export interface CheckedEvidence {
  readonly statement: Statement | undefined;
  readonly evidence: BuildEvidence;
  readonly releases: readonly VouchingRelease[];
  /** The index that names the file; undefined when none of them is at hand: then the archive's word was not heard. */
  readonly index: IndexName | undefined;
}

/**
 * Checks again, without a network if the publication is at hand, what a verdict about a file rests on: the signed
 * statement, the evidence it names, the archive's signatures, the index, the buildinfo.
 *
 * @throws EvidenceError
 */
export async function checkEvidence(options: EvidenceOptions): Promise<CheckedEvidence> {
  const { subject, read, statementKeys } = options;
  const { label, content, evidence } = await readBuildEvidence(
    subject,
    read,
    (one) => fileOf(one, subject) !== undefined,
  );
  const statement =
    statementKeys.length === 0 ? undefined : await checkStatement(options, { label, content });
  const file = fileOf(evidence, subject);
  if (file === undefined) throw other('evidence-other', 'the evidence', subject);
  const releases = await believeReleasesOf(evidence, options);
  const index = await findInIndexes(releases, options);
  await checkBuildinfo(evidence, { label, subject, read });
  return { statement, evidence, releases, index };
}

async function checkStatement(
  { subject, read, statementKeys }: EvidenceOptions,
  evidence: Pick<PublishedEvidence, 'label' | 'content'>,
): Promise<Statement> {
  const statement = await openStatement(
    besideOf(subject, publishedNames.statement(evidence.label)),
    read,
    statementKeys,
  );
  const { predicate, subject: files } = statement;
  const isOfFile = files.some(({ digest }) => digest.sha256 === subject.sha256);
  if (predicate.verdict !== 'reproducible' || !isOfFile || !isOfBuild(predicate.build, subject)) {
    throw other('statement-other', 'the statement', subject);
  }
  if (predicate.evidence !== createHash('sha256').update(evidence.content).digest('hex')) {
    throw new EvidenceError('evidence-replaced', 'the evidence is not the one that the statement names');
  }
  return statement;
}

/** The file as it was judged, if it came out identical and the evidence is of its build. */
function fileOf(evidence: BuildEvidence, subject: Subject): JudgedFile | undefined {
  if (!isOfBuild(evidence.build, subject)) return undefined;
  return evidence.files.find(
    (file) =>
      file.verdict === 'reproducible' &&
      file.package === subject.package &&
      file.version === subject.version &&
      file.architecture === subject.architecture &&
      file.officialSha256 === subject.sha256 &&
      file.rebuiltSha256 === subject.sha256,
  );
}

function isOfBuild(build: BuildEvidence['build'], { source, buildVersion }: Subject): boolean {
  return build.source === source && build.version === buildVersion;
}

function other(code: 'evidence-other' | 'statement-other', what: string, subject: Subject): EvidenceError {
  const { package: name, version, architecture, sha256 } = subject;
  return new EvidenceError(
    code,
    `${what} does not say that ${name} ${version} ${architecture} of sha256 ${sha256} came out identical`,
  );
}
