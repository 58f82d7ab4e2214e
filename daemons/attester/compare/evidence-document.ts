import type { BuildEvidence } from '../../lib/contracts/documents/build-evidence.ts';
import { isoTime } from '../../lib/daemon/clock.ts';
import { suiteVersion } from '../../lib/daemon/version.ts';
import type { VouchingRelease } from '../../lib/evidence/signed-indexes.ts';
import type { BuildJob, Examined } from './examine.ts';

/** What a verdict rests on, as it is published (contracts: documents/build-evidence.ts). */
export function evidenceDocument(job: BuildJob, examined: Examined): Buffer {
  const { judgement, environment, selfHosted, recipe, report, indexes } = examined;
  const { dist, source, sourceVersion, version, architecture, parts } = job.build;
  const document: BuildEvidence = {
    v: 1,
    build: { dist, source, sourceVersion, version, architecture, parts },
    verdict: judgement.verdict,
    code: judgement.code,
    environment: { kind: environment, inputsFrom: 'archive', selfHosted, buildinfo: job.buildinfo },
    releases: indexes.releases.map(releaseOf),
    inputs: recipe.inputs.map(({ name, role, sha256 }) => ({ name, role, sha256 })),
    files: [...judgement.files],
    recipe: job.recipe,
    engine: {
      kind: recipe.kind,
      attester: suiteVersion,
      rebuilder: report.rebuilder.version,
      buildPath: recipe.buildPath,
    },
  };
  return Buffer.from(`${JSON.stringify(document, null, 1)}\n`, 'utf8');
}

function releaseOf(vouching: VouchingRelease): BuildEvidence['releases'][number] {
  const { readFrom, file, signature, signedBy, indexes } = vouching;
  const { origin, label, suite, codename, date } = vouching.release;
  return {
    readFrom,
    suite: vouching.suite,
    names: { origin, label, suite, codename },
    sha256: file.sha256,
    signature: signature?.sha256 ?? null,
    date: date === undefined ? null : isoTime(date),
    signedBy: [...signedBy],
    indexes: [...indexes],
  };
}
