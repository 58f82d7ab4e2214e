import type { Buildinfo } from '../../lib/domain/buildinfo.ts';
import type { BuildIdentity, ExpectedFile } from '../../lib/evidence/expected.ts';
import { buildinfoMismatch } from '../../lib/evidence/inputs.ts';

/**
 * Why a buildinfo is not of this build, with both hashes of the first file that differs; undefined when it is. A
 * buildinfo counts only if its checksums equal the signed index for every file that both name (DESIGN §4.3).
 */
export function whyNot(
  buildinfo: Buildinfo,
  build: BuildIdentity,
  expected: readonly ExpectedFile[],
): string | undefined {
  const why = buildinfoMismatch(buildinfo, build, expected);
  if (why === undefined) return undefined;
  const differing = buildinfo.files.find((file) => {
    const official = expected.filter((one) => one.name === file.name);
    return official.length > 0 && !official.some((one) => one.sha256 === file.sha256);
  });
  const official = expected.find((one) => one.name === differing?.name);
  if (differing === undefined || official === undefined) return why;
  return `${differing.name}: the signed index says sha256 ${official.sha256}, the buildinfo ${differing.sha256}`;
}
