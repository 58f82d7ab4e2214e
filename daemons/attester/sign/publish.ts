import { readFile } from 'node:fs/promises';
import type { JudgedFile } from '../../lib/contracts/documents/judged-file.ts';
import type { Log } from '../../lib/daemon/log.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import { parseLayout } from '../../lib/domain/layout.ts';
import { type Product, publicKeyPath, sourceFolder } from '../../lib/domain/link.ts';
import { MetablockError, parseMetablock } from '../../lib/domain/metablock.ts';
import {
  type Fingerprint,
  type PublicationPath,
  parsePublicationPath,
  type Sha256,
} from '../../lib/domain/names.ts';
import type { FileVerdict } from '../../lib/domain/verdict.ts';
import type { SigningKey } from '../keys.ts';
import type { DistSettings } from '../settings.ts';
import { maxEarlierBytes, readEarlier } from './earlier.ts';
import { labelOf, planLinks } from './plan.ts';
import { type Published, signLinks } from './sign-links.ts';

export interface PublishOptions {
  readonly build: BuildSpec;
  readonly files: readonly JudgedFile[];
  readonly environment: 'buildinfo' | 'inferred';
  /** What the verdict rests on, published beside the links. */
  readonly evidence: Buffer;
  readonly settings: DistSettings;
  /** Links published earlier, and how to read one. */
  readonly earlier: readonly Readonly<{ path: string; sha256: Sha256 }>[];
  readonly read: (sha256: Sha256, max: number) => Promise<Buffer>;
  readonly now: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly progress: (stage: string, done?: number, total?: number) => void;
}

export type Publication = Readonly<{ files: readonly Published[]; signedBy: readonly Fingerprint[] }>;

/**
 * What is published for a build: links of what came out identical, by the one key; of what differed in spite of a true
 * buildinfo, in a tree of its own, by the other; with each the evidence, the public key and the layout.
 *
 * @throws JobFailure `signing`: then nothing of the build is published
 */
export async function publishBuild(options: PublishOptions): Promise<Publication> {
  const { settings, environment } = options;
  const good = await publishTree(options, {
    folder: settings.folder,
    key: settings.reproducible,
    verdict: 'reproducible',
    perBinary: true,
  });
  const bad = await publishTree(options, {
    folder: `${settings.folder}/unreproducible`,
    key: environment === 'buildinfo' ? settings.unreproducible : undefined,
    verdict: 'unreproducible',
    perBinary: false,
  });
  const files = [...good.files, ...bad.files];
  if (files.length > 0) files.push(...(await rootLayout(options)));
  return { files, signedBy: [...good.signedBy, ...bad.signedBy] };
}

interface Tree {
  readonly folder: string;
  readonly key: SigningKey | undefined;
  readonly verdict: FileVerdict;
  readonly perBinary: boolean;
}

async function publishTree(options: PublishOptions, tree: Tree): Promise<Publication> {
  const { build, settings, now, signal } = options;
  const { key, folder } = tree;
  const products = options.files.filter((file) => file.verdict === tree.verdict).flatMap(productOf);
  if (key === undefined || products.length === 0) return { files: [], signedBy: [] };
  const earlier = await readEarlierLinks(options, tree, key);
  const planned = planLinks({ folder, build, products, earlier, perBinary: tree.perBinary });
  options.progress('signing', 0, planned.length);
  const links = await signLinks(planned, {
    key,
    now,
    signal,
    onEach: (done) => options.progress('signing', done, planned.length),
  });
  const beside = sourceFolder(folder, build.source, build.version);
  const evidence = parsePublicationPath(`${beside}/evidence.${labelOf(build)}.json`);
  return {
    files: [
      ...links,
      { path: evidence, content: options.evidence },
      { path: publicKeyPath(settings.folder, key.fingerprint), content: key.armored },
    ],
    signedBy: [key.fingerprint],
  };
}

async function readEarlierLinks(options: PublishOptions, tree: Tree, key: SigningKey) {
  const links = [];
  for (const { path, sha256 } of options.earlier) {
    if (!path.startsWith(`${tree.folder}/sources/`) || !/(?:\/metadata|\.link)$/.test(path)) continue;
    const content = await options.read(sha256, maxEarlierBytes);
    const link = readEarlier({ path, content }, key.key, options.now, (why) =>
      options.log.warning('an earlier link is not kept', { path, why }),
    );
    if (link !== undefined) links.push(link);
  }
  return links;
}

function productOf(file: JudgedFile): readonly Product[] {
  const { name, package: binary, version, architecture, rebuiltSha256 } = file;
  if (binary === null || version === null || architecture === null || rebuiltSha256 === null) return [];
  return [{ name, package: binary, version, architecture, sha256: rebuiltSha256 }];
}

/** The operator's own file, as it is; one that is no signed layout stays where it is. */
async function rootLayout({ settings, log }: PublishOptions): Promise<readonly Published[]> {
  const { rootLayout: file, folder } = settings;
  if (file === undefined) return [];
  const path: PublicationPath = parsePublicationPath(`${folder}/root.layout`);
  try {
    const content = await readFile(file);
    const { signatures, untrusted } = parseMetablock(content.toString('utf8'));
    parseLayout(untrusted);
    if (signatures.length === 0) throw new MetablockError('malformed', 'it is not signed');
    return [{ path, content }];
  } catch (error) {
    log.warning('the root layout is not published', {
      file,
      why: error instanceof Error ? error.message : String(error),
    });
    return [];
  }
}
