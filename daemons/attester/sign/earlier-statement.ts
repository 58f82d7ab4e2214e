import { maxEnvelopeBytes } from '../../lib/contracts/documents/dsse.ts';
import type { JudgedFile } from '../../lib/contracts/documents/judged-file.ts';
import { labelOf, publishedNames } from '../../lib/domain/published.ts';
import { EvidenceError } from '../../lib/evidence/published/errors.ts';
import { openStatement } from '../../lib/evidence/published/statement.ts';
import { besideOf, type PublishOptions, type Tree } from './tree.ts';
import type { VaultSigner } from './vault-signer.ts';

/**
 * Whether the statement published earlier of the same build vouches for these very files and for another, by the vault's key
 * of today: a rebuilder that signs no links has no other memory of it.
 */
export async function statesMore(
  { job, read, log }: PublishOptions,
  tree: Tree,
  { publicKey }: VaultSigner,
  judged: readonly JudgedFile[],
): Promise<boolean> {
  const { build } = job;
  const path = besideOf(tree, build)(publishedNames.statement(labelOf(build)));
  const earlier = job.earlier.find((one) => one.path === path);
  if (earlier === undefined) return false;
  try {
    const content = await read(earlier.sha256, maxEnvelopeBytes);
    const { predicate, subject } = await openStatement(path, async () => content, [publicKey]);
    const isOfBuild = (['dist', 'source', 'sourceVersion', 'version', 'architecture'] as const).every(
      (member) => predicate.build[member] === build[member],
    );
    const stated = new Map<string, string>(subject.map(({ name, digest }) => [name, digest.sha256]));
    const names = new Set(judged.map(({ name }) => name));
    const isSame = judged.every(({ name, officialSha256 }) => stated.get(name) === officialSha256);
    return isOfBuild && isSame && stated.size > names.size;
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    log.warning('an earlier statement is not kept', { path, why: error.message });
    return false;
  }
}
