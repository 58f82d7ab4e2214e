import { createHash } from 'node:crypto';
import type { JudgedFile } from '../../lib/contracts/documents/judged-file.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import { vaultKeyPath } from '../../lib/domain/link.ts';
import { parsePoolFileName } from '../../lib/domain/names.ts';
import { labelOf, publishedNames } from '../../lib/domain/published.ts';
import { ed25519Pem } from '../../lib/evidence/ed25519.ts';
import { sha256Of } from '../../lib/objects/sha256.ts';
import type { Published } from './sign-links.ts';
import { composeRebuilderdLinks, composeStatement, type Material, signVerdict } from './statements.ts';
import { besideOf, type PublishOptions, type Tree } from './tree.ts';
import type { VaultSigner } from './vault-signer.ts';

/** A .dsc is a list of a few files, signed. */
const maxDscBytes = 1_048_576;

/** The verdict as a statement, and rebuilderd's attestation of each file that came out identical. */
export async function publishStatements(
  options: PublishOptions,
  tree: Tree,
  signer: VaultSigner,
  { judged, evidence }: Readonly<{ judged: readonly JudgedFile[]; evidence: Buffer }>,
): Promise<readonly Published[]> {
  const { settings, job, examined, now } = options;
  const { build } = job;
  const beside = besideOf(tree, options.job.build);
  const label = labelOf(build);
  options.progress('signing statements');
  const statement = composeStatement({
    build,
    verdict: tree.verdict,
    files: judged,
    buildinfo: examined.environment === 'buildinfo' ? job.buildinfo : null,
    selfHosted: examined.selfHosted,
    evidence: sha256Of(evidence),
    rebuilderId: settings.rebuilderId,
    now,
  });
  const links = tree.verdict === 'reproducible' ? await rebuilderdLinks(options, judged) : [];
  const signed = await signVerdict(statement, links, signer, options);
  return [
    { path: beside(publishedNames.statement(label)), content: signed.statement },
    { path: vaultKeyPath(settings.folder, signer.keyid), content: Buffer.from(ed25519Pem(signer.publicKey)) },
    ...(tree.verdict === 'reproducible'
      ? [{ path: beside(publishedNames.rebuilderd(label)), content: signed.rebuilderd }]
      : []),
  ];
}

async function rebuilderdLinks(
  options: PublishOptions,
  judged: readonly JudgedFile[],
): Promise<readonly Uint8Array[]> {
  const products = judged.flatMap(({ name }) => {
    const hashes = options.examined.rebuilt.get(name);
    return hashes === undefined ? [] : [{ name, ...hashes }];
  });
  return composeRebuilderdLinks(products, await materialOf(options));
}

/** What was built from: the buildinfo, as with rebuilderd, or for want of one the source's .dsc. */
async function materialOf({ job, examined, read }: PublishOptions): Promise<Material> {
  const { build } = job;
  if (examined.buildinfo !== null)
    return materialFrom(
      publishedNames.buildinfo(build.source, build.version, labelOf(build)),
      examined.buildinfo,
    );
  const { recipe } = examined;
  const dsc = recipe.inputs.find(({ role, name }) => role === 'source' && name === recipe.dsc);
  if (dsc === undefined) throw new JobFailure('protocol', 'the recipe has no .dsc');
  return materialFrom(dsc.name, await read(dsc.sha256, maxDscBytes));
}

function materialFrom(name: string, content: Buffer): Material {
  const sha512 = createHash('sha512').update(content).digest('hex');
  return { name: parsePoolFileName(name), sha256: sha256Of(content), sha512 };
}
