import type { BuildSpec } from '../lib/domain/build.ts';
import { expectedFiles, isMadeBy } from '../lib/evidence/expected.ts';
import type { Done, JobContext } from '../lib/worker/worker.ts';
import { officialFile } from './debian/builds.ts';
import { allPackages } from './debian/evidence.ts';
import { bringAll } from './inputs/bring.ts';
import { fileNameOf } from './inputs/environment.ts';
import { openBuildIndexes } from './inputs/indexes.ts';
import type { Parts } from './parts.ts';

/** Job `get` of kind official: what the archive serves for a build, for people to compare once its verdict is settled. */
export async function officialJob(
  context: JobContext<'get'>,
  build: BuildSpec,
  parts: Parts,
): Promise<Done<'get'>> {
  context.progress('bringing official files');
  const { suites, uriOf } = await openBuildIndexes(context, build, parts);
  const wanted = suites.flatMap(({ archive, packages }) =>
    packages
      .flatMap((lookup) => lookup.ofSource(build.source, build.sourceVersion))
      .filter((entry) => isMadeBy(entry, build))
      .map((entry) => ({
        name: fileNameOf(entry),
        sha256: entry.sha256,
        size: entry.size,
        uri: `${uriOf(archive)}/${entry.path}`,
      })),
  );
  await bringAll(wanted, 'source-missing', parts.kept, context.signal, () => {});
  const files = expectedFiles(allPackages(suites), build).map(officialFile);
  const present = await context.present(files.map((file) => file.sha256));
  const missing = new Set(files.map((file) => file.sha256).filter((sha256) => !present.has(sha256)));
  return {
    outcome: { status: 'done', kind: 'official', files },
    objects: await Promise.all([...missing].map((sha256) => parts.kept.object(sha256))),
  };
}
