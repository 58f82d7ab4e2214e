import type { LayoutKey } from '../../lib/domain/layout.ts';
import { metadataWithin } from '../../lib/domain/link.ts';
import { maxMetablockBytes } from '../../lib/domain/metablock.ts';
import type { LinkReason } from '../../lib/intoto/errors.ts';
import { type FetchedLink, VerificationError, type Verified, verifyFile } from '../../lib/intoto/verify.ts';
import type { VerifyCode } from './errors.ts';
import { falseName, type PackageFile } from './package-file.ts';
import type { Answer, Publication } from './publications.ts';

/** What a publication has of a package: its link, none, or no answer. */
export type Asked = Readonly<{ publication: string; path: string; answer: Answer }>;

export type Judgement = Readonly<{ asked: readonly Asked[] }> &
  (
    | (Readonly<{ verdict: 'accepted' }> & Verified)
    | Readonly<{
        verdict: 'refused' | 'not-judged';
        code: VerifyCode;
        say: string;
        ignored: readonly LinkReason[];
      }>
  );

export interface Trust {
  /** Text of the layout's file, untrusted. */
  readonly layout: string;
  readonly ownerKeys: readonly LayoutKey[];
}

/** Asks every publication for its link, and decides as apt's transport would. `now` is wall time in milliseconds. */
export async function judgePackage(
  file: PackageFile,
  trust: Trust,
  publications: readonly Publication[],
  now: number,
  signal: AbortSignal,
): Promise<Judgement> {
  const called = falseName(file);
  if (called !== undefined) {
    const say = `it is called ${called}, and is ${file.package} ${file.version} ${file.architecture}`;
    return { asked: [], verdict: 'refused', code: 'package-misnamed', say, ignored: [] };
  }
  const asked = await Promise.all(publications.map((one) => ask(one, file, signal)));
  const links = asked.flatMap(({ publication, answer }): FetchedLink[] =>
    answer.kind === 'found' ? [{ from: publication, untrusted: answer.bytes.toString('utf8') }] : [],
  );
  const verify = (name: string) => verifyFile({ ...trust, links, file: { name, sha256: file.sha256 }, now });
  try {
    return { asked, verdict: 'accepted', ...verify(file.name) };
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    return { asked, ...refusal(error, asked, () => namesThatFit(file, verify)) };
  }
}

async function ask(publication: Publication, file: PackageFile, signal: AbortSignal): Promise<Asked> {
  const path = metadataWithin(file.package, file.version);
  const answer = await publication.read(path, maxMetablockBytes, signal);
  return { publication: publication.name, path, answer };
}

function refusal(
  { code, message, reasons }: VerificationError,
  asked: readonly Asked[],
  fitting: () => readonly string[],
) {
  const lacksLinks = code === 'link-not-found' || code === 'threshold-not-met';
  const away = asked.flatMap(({ answer }) => (answer.kind === 'unreachable' ? [answer.say] : []));
  if (lacksLinks && away.length > 0) {
    const say = `${message}; ${away.length} of ${asked.length} publications could not be asked`;
    return { verdict: 'not-judged', code: 'publication-unreachable', say, ignored: reasons } as const;
  }
  const others = code === 'file-not-in-link' ? fitting() : [];
  const say =
    others.length === 0
      ? message
      : `${message}; with the same bytes it is there as ${others.join(', ')}, which apt never asks for`;
  return { verdict: 'refused', code, say, ignored: reasons } as const;
}

/** Other names under which the links would vouch for the same bytes. */
function namesThatFit(file: PackageFile, verify: (name: string) => Verified): readonly string[] {
  return file.otherNames.filter((name) => {
    try {
      verify(name);
      return true;
    } catch (error) {
      if (error instanceof VerificationError) return false;
      throw error;
    }
  });
}
