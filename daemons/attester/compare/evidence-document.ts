import { isoTime } from '../../lib/daemon/clock.ts';
import type { BuildJob, Examined } from './examine.ts';

/**
 * What a verdict rests on, published beside it: the signed indexes, the buildinfo, what went in and what came out, so
 * that anyone can ask the same archive and the same files again.
 */
export function evidenceDocument(job: BuildJob, examined: Examined): Buffer {
  const { judgement, environment, selfHosted, recipe, report, indexes } = examined;
  const { dist, source, sourceVersion, version, architecture, parts } = job.build;
  const document = {
    v: 1,
    build: { dist, source, sourceVersion, version, architecture, parts },
    verdict: judgement.verdict,
    code: judgement.code,
    environment: { kind: environment, selfHosted, buildinfo: job.buildinfo },
    releases: indexes.releases.map((release) => ({
      ...release,
      date: release.date === undefined ? null : isoTime(release.date),
    })),
    inputs: recipe.inputs.map(({ name, role, sha256 }) => ({ name, role, sha256 })),
    files: judgement.files,
    recipe: job.recipe,
    engine: { kind: recipe.kind, rebuilder: report.rebuilder.version, buildPath: recipe.buildPath },
  };
  return Buffer.from(`${JSON.stringify(document, null, 1)}\n`, 'utf8');
}
