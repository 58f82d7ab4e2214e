import { isoTime } from '../../lib/daemon/clock.ts';
import type { EvidenceError } from '../../lib/evidence/published/errors.ts';
import type { LinkReason } from '../../lib/intoto/errors.ts';
import type { Voucher } from '../../lib/intoto/verify.ts';
import { advice, type VerifyCode } from './errors.ts';
import type { EvidenceOf } from './evidence.ts';
import type { Asked, Judgement } from './judge.ts';
import type { PackageFile } from './package-file.ts';

/** What programs are told of a package: every member is always there. */
export interface VerifyReport {
  readonly file: string;
  readonly verdict: Judgement['verdict'];
  /** null when it was accepted. */
  readonly code: VerifyCode | null;
  readonly say: string;
  /** What to do; null when it was accepted. */
  readonly next: string | null;
  /** null where the file could not be read. */
  readonly package: Readonly<Record<'name' | 'version' | 'architecture' | 'sha256', string>> | null;
  /** The names under which links were searched for it: apt's own, which decides, then others. */
  readonly names: readonly string[];
  readonly vouchers: readonly Voucher[];
  /** Links that did not count, each with why. */
  readonly ignored: readonly LinkReason[];
  readonly publications: readonly Readonly<{
    publication: string;
    path: string;
    answer: 'link' | 'absent' | 'unreachable';
    say: string | null;
  }>[];
  /** Of each publication that vouched; null where nobody asked for it, or the package is refused. */
  readonly evidence: readonly EvidenceReport[] | null;
}

export type EvidenceReport = Readonly<{
  publication: string;
  environment: 'buildinfo' | 'inferred';
  selfHosted: boolean;
  /** Whether the statement was checked. */
  statement: boolean;
  releases: readonly Readonly<{ suite: string; date: string | null; signedBy: readonly string[] }>[];
  /** The signed index that names the package; null when none was at hand: then the archive's word was not heard. */
  index: string | null;
}>;

export function reportOf(path: string, file: PackageFile, judgement: Judgement): VerifyReport {
  const isAccepted = judgement.verdict === 'accepted';
  const code = isAccepted ? null : judgement.code;
  return {
    file: path,
    verdict: judgement.verdict,
    code,
    say: isAccepted ? `${votersOf(judgement.vouchers)} made these bytes, as the layout asks` : judgement.say,
    next: code && advice[code],
    package: {
      name: file.package,
      version: file.version,
      architecture: file.architecture,
      sha256: file.sha256,
    },
    names: [file.name, ...file.otherNames],
    vouchers: isAccepted ? judgement.vouchers : [],
    ignored: judgement.ignored,
    publications: judgement.asked.map(publicationOf),
    evidence: null,
  };
}

/** Of a package about which nothing could be asked. */
export function unjudged(path: string, code: VerifyCode, say: string): VerifyReport {
  return {
    file: path,
    verdict: 'not-judged',
    code,
    say,
    next: advice[code],
    package: null,
    names: [],
    vouchers: [],
    ignored: [],
    publications: [],
    evidence: null,
  };
}

/** A package that enough rebuilders vouch for, and whose evidence does not. */
export function refusedBy({ code, message }: EvidenceError, report: VerifyReport): VerifyReport {
  return { ...report, verdict: 'refused', code, say: message, next: advice[code] };
}

export function evidenceReport({
  publication,
  evidence,
  statement,
  releases,
  index,
}: EvidenceOf): EvidenceReport {
  const { kind, selfHosted } = evidence.environment;
  return {
    publication,
    environment: kind,
    selfHosted,
    statement: statement !== undefined,
    releases: releases.map(({ suite, release: { date }, signedBy }) => ({
      suite,
      date: date === undefined ? null : isoTime(date),
      signedBy,
    })),
    index: index?.path ?? null,
  };
}

function publicationOf({ publication, path, answer }: Asked): VerifyReport['publications'][number] {
  return {
    publication,
    path,
    answer: answer.kind === 'found' ? 'link' : answer.kind,
    say: answer.kind === 'unreachable' ? answer.say : null,
  };
}

function votersOf(vouchers: readonly Voucher[]): string {
  const count = new Set(vouchers.map(({ key }) => key)).size;
  return `${count} rebuilder${count === 1 ? '' : 's'}`;
}

/** The same for people. */
export function linesOf(report: VerifyReport): readonly string[] {
  const { file, verdict, code, say, next, vouchers, ignored, publications } = report;
  return [
    `${file}: ${verdict === 'not-judged' ? 'not judged' : verdict}${code === null ? '' : `: ${code}`}: ${say}`,
    ...(report.package === null
      ? []
      : [`  ${Object.values(report.package).slice(0, 3).join(' ')}, sha256 ${report.package.sha256}`]),
    ...vouchers.map(({ from, key }) => `  vouched for by key ${key.toUpperCase()}, ${from}`),
    ...ignored.map(({ from, fault, say: why }) => `  not counted, ${from}: ${fault}: ${why}`),
    ...publications
      .filter(({ answer }) => answer !== 'link')
      .map(({ publication, path, say: why }) => `  ${why ?? `${publication}: has no ${path}`}`),
    ...(report.evidence ?? []).flatMap(evidenceLines),
    ...(next === null ? [] : [`  ${next}`]),
  ];
}

function evidenceLines(evidence: EvidenceReport): readonly string[] {
  const { publication, environment, selfHosted, statement, releases, index } = evidence;
  const where =
    environment === 'buildinfo' ? 'in the environment of its buildinfo' : 'in an inferred environment';
  const itself = selfHosted ? ', with itself installed' : '';
  const said = statement
    ? ', as its signed statement says'
    : '; its statement was not checked (--statement-key)';
  return [
    `  evidence of ${publication}: built ${where}${itself}${said}`,
    ...releases.map(
      ({ suite, date, signedBy }) =>
        `    Release of ${suite} of ${date ?? 'no date'}, signed by ${signedBy.join(', ')}`,
    ),
    index === null
      ? '    not checked: no signed index that could name the package is here (--index FILE)'
      : `    ${index} names these bytes`,
  ];
}
