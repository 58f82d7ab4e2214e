import { parseLinkPath } from '../lib/domain/link.ts';
import type { PublicationPath } from '../lib/domain/names.ts';

/** A published document, and whether the key that signed it is not to be believed any more. */
export type SignedFile = Readonly<{ path: PublicationPath; isRevoked: boolean }>;

/**
 * Of what revoked keys signed for one source and version, the links of upstream's names in whose place others stand: of a
 * build, once that build has another; of all builds, once none of theirs is left. Under any other name the next signature
 * takes the same path.
 */
export function superseded(files: readonly SignedFile[]): readonly PublicationPath[] {
  const links = files.flatMap((file) => {
    const link = parseLinkPath(file.path);
    return link === undefined ? [] : [{ ...file, ...link }];
  });
  const revoked = links.filter(({ isRevoked }) => isRevoked);
  const isReplaced = ({ folder, architecture }: (typeof links)[number]) =>
    links.some((one) => !one.isRevoked && one.folder === folder && one.architecture === architecture);
  const waiting = revoked.filter((link) => link.architecture !== null && !isReplaced(link));
  return revoked
    .filter(isReplaced)
    .filter((link) => link.architecture !== null || !waiting.some(({ folder }) => folder === link.folder))
    .map(({ path }) => path);
}
