import type { JudgedFile } from '../contracts/documents/judged-file.ts';
import type { PoolFileName, Sha256 } from '../domain/names.ts';
import type { BuildVerdict, FailureCode } from '../domain/verdict.ts';
import type { ExpectedFile } from './expected.ts';

export type Judgement = Readonly<{
  verdict: BuildVerdict;
  code: FailureCode | null;
  /** One sentence for people. */
  say: string;
  files: readonly JudgedFile[];
}>;

const maxNamed = 5;

/**
 * Compares what came out with what had to. From a true buildinfo a difference makes a file `unreproducible`; from an
 * inferred environment it proves nothing and is `environment-unknown` (DESIGN §4). The worst file decides.
 *
 * @param rebuilt the files by the hashes the attester took itself
 */
export function judge(
  expected: readonly ExpectedFile[],
  rebuilt: ReadonlyMap<PoolFileName, Sha256>,
  environment: 'buildinfo' | 'inferred',
): Judgement {
  const judged = expected.map((file) => judgeFile(file, rebuilt.get(file.name), environment));
  const names = new Set(expected.map((file) => file.name));
  const others = [...rebuilt].filter(([name]) => !names.has(name)).map(notJudged);
  const different = judged.filter((file) => file.verdict !== 'reproducible');
  return { ...verdictOf(judged, different, environment), files: [...judged, ...others] };
}

function judgeFile(
  file: ExpectedFile,
  rebuilt: Sha256 | undefined,
  environment: 'buildinfo' | 'inferred',
): JudgedFile {
  const { name, package: binary, version, architecture, sha256 } = file;
  const differs = environment === 'buildinfo' ? 'unreproducible' : 'environment-unknown';
  return {
    name,
    package: binary,
    version,
    architecture,
    officialSha256: sha256,
    rebuiltSha256: rebuilt ?? null,
    verdict: rebuilt === undefined ? 'not-built' : rebuilt === sha256 ? 'reproducible' : differs,
  };
}

function notJudged([name, sha256]: readonly [PoolFileName, Sha256]): JudgedFile {
  return {
    name,
    package: null,
    version: null,
    architecture: null,
    officialSha256: null,
    rebuiltSha256: sha256,
    verdict: 'not-judged',
  };
}

function verdictOf(
  judged: readonly JudgedFile[],
  different: readonly JudgedFile[],
  environment: 'buildinfo' | 'inferred',
): Omit<Judgement, 'files'> {
  if (judged.length > 0 && different.length === 0) {
    return {
      verdict: 'reproducible',
      code: null,
      say: `${judged.length} of ${judged.length} files identical`,
    };
  }
  const names = different.slice(0, maxNamed).map((file) => file.name);
  const more = different.length > maxNamed ? ` and ${different.length - maxNamed} more` : '';
  const counted = `${judged.length - different.length} of ${judged.length} files identical, not ${names.join(', ')}${more}`;
  if (environment === 'buildinfo') return { verdict: 'unreproducible', code: null, say: counted };
  return {
    verdict: 'failure',
    code: 'environment-unknown',
    say: `${counted}: the environment was inferred, so this proves nothing`,
  };
}
