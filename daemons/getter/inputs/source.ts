import type { SourceFile } from '../../lib/archive/lookup.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import { type PoolFileName, parsePoolFileName } from '../../lib/domain/names.ts';
import { findSource, type OpenSuite } from '../debian/evidence.ts';
import type { Wanted } from '../kept.ts';

/** A file to bring, under the name that it has in the archive. */
export type NamedFile = Wanted & Readonly<{ name: PoolFileName }>;

/**
 * The files of a source as a signed index names them: the .dsc and what it lists.
 *
 * @param uriOf where an archive of the evidence is to be fetched from
 * @throws JobFailure `source-missing` where no index names the source
 */
export function sourceFiles(
  suites: readonly OpenSuite[],
  uriOf: (archive: string) => string,
  source: string,
  version: string,
): readonly NamedFile[] {
  const found = findSource(suites, source, version);
  if (found === undefined) {
    throw new JobFailure('source-missing', `no index names the source ${source} ${version}`);
  }
  const named = ({ name, sha256, size, directory }: SourceFile) => ({
    name: parsePoolFileName(name),
    sha256,
    size,
    uri: `${uriOf(found.archive)}/${directory}/${name}`,
  });
  return found.files.map(named);
}
