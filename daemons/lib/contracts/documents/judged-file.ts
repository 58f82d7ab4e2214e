import { z } from 'zod';
import { architecture, binaryName, debVersion, fileVerdict, poolFileName, sha256 } from '../fields.ts';

/** One file of a build, as it was judged. */
export const judgedFileSchema = z.strictObject({
  name: poolFileName,
  package: binaryName.nullable(),
  version: debVersion.nullable(),
  architecture: architecture.nullable(),
  officialSha256: sha256.nullable(),
  rebuiltSha256: sha256.nullable(),
  verdict: fileVerdict,
});
export type JudgedFile = z.infer<typeof judgedFileSchema>;
