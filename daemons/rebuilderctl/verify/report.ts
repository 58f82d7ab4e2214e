import type { LinkReason } from '../../lib/intoto/errors.ts';
import type { Voucher } from '../../lib/intoto/verify.ts';
import { advice, type VerifyCode } from './errors.ts';
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
}

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
    ...(next === null ? [] : [`  ${next}`]),
  ];
}
