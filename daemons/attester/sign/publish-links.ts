import type { JudgedFile } from '../../lib/contracts/documents/judged-file.ts';
import type { Product } from '../../lib/domain/link.ts';
import { believedParts, type SigningKey } from '../keys.ts';
import { type EarlierLink, maxEarlierBytes, readEarlier } from './earlier.ts';
import { type PlanOptions, planLinks } from './plan.ts';
import { type Published, signLinks } from './sign-links.ts';
import type { PublishOptions, Tree } from './tree.ts';

/** What a tree's links are to say of a verdict, with what was published at their places before. */
export async function gatherLinks(
  options: PublishOptions,
  tree: Tree,
  key: SigningKey,
  judged: readonly JudgedFile[],
): Promise<PlanOptions> {
  const { folder, perBinary } = tree;
  const earlier = await readEarlierLinks(options, tree, key);
  return { folder, build: options.job.build, products: judged.flatMap(productOf), earlier, perBinary };
}

/** The in-toto links of a verdict, each merged with what was published at its place, signed by OpenPGP. */
export async function publishLinks(
  { now, signal, progress }: PublishOptions,
  gathered: PlanOptions,
  key: SigningKey,
): Promise<readonly Published[]> {
  const planned = planLinks(gathered);
  progress('signing', 0, planned.length);
  return await signLinks(planned, {
    key,
    now,
    signal,
    onEach: (done) => progress('signing', done, planned.length),
  });
}

/** Those by the key of today come last: what they say is newer. */
async function readEarlierLinks(options: PublishOptions, tree: Tree, key: SigningKey) {
  const believed = believedParts(key);
  const links: EarlierLink[] = [];
  for (const { path, sha256 } of options.job.earlier) {
    if (!path.startsWith(`${tree.folder}/sources/`) || !/(?:\/metadata|\.link)$/.test(path)) continue;
    const content = await options.read(sha256, maxEarlierBytes);
    const link = readEarlier({ path, content }, believed, options.now, (why) =>
      options.log.warning('an earlier link is not kept', { path, why }),
    );
    if (link !== undefined) links.push(link);
  }
  const ageOf = ({ keyid }: EarlierLink) => believed.findIndex((part) => part.keyid === keyid);
  return links.sort((one, other) => ageOf(other) - ageOf(one));
}

function productOf(file: JudgedFile): readonly Product[] {
  const { name, package: binary, version, architecture, rebuiltSha256 } = file;
  if (binary === null || version === null || architecture === null || rebuiltSha256 === null) return [];
  return [{ name, package: binary, version, architecture, sha256: rebuiltSha256 }];
}
