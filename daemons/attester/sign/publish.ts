import type { JudgedFile } from '../../lib/contracts/documents/judged-file.ts';
import { publicKeyPath } from '../../lib/domain/link.ts';
import { type Fingerprint, parsePublicationPath } from '../../lib/domain/names.ts';
import { labelOf, publishedNames, releaseName } from '../../lib/domain/published.ts';
import { evidenceDocument } from '../compare/evidence-document.ts';
import { statesMore } from './earlier-statement.ts';
import { coversFewer } from './plan.ts';
import { gatherLinks, publishLinks } from './publish-links.ts';
import { publishStatements } from './publish-statements.ts';
import { rootLayout } from './root-layout.ts';
import type { Published } from './sign-links.ts';
import { besideOf, type PublishOptions, type Tree } from './tree.ts';

export type Publication = Readonly<{ files: readonly Published[]; signedBy: readonly Fingerprint[] }>;

/**
 * What is published for a build: links and statements of what came out identical, by the keys of that verdict; of what
 * differed in spite of a true buildinfo, in a tree of its own, by the others; with each the evidence, the public keys
 * and the layout.
 *
 * @throws JobFailure `signing`: then nothing of the build is published
 */
export async function publishBuild(options: PublishOptions): Promise<Publication> {
  const { settings, examined } = options;
  const good = await publishTree(options, {
    folder: settings.folder,
    verdict: 'reproducible',
    perBinary: true,
  });
  const bad =
    examined.environment === 'buildinfo'
      ? await publishTree(options, {
          folder: `${settings.folder}/unreproducible`,
          verdict: 'unreproducible',
          perBinary: false,
        })
      : nothing;
  const files = [...good.files, ...bad.files];
  if (files.length > 0) files.push(...releasesOf(options), ...(await rootLayout(options)));
  return { files, signedBy: [...good.signedBy, ...bad.signedBy] };
}

const nothing: Publication = { files: [], signedBy: [] };

async function publishTree(options: PublishOptions, tree: Tree): Promise<Publication> {
  const { settings, job, examined } = options;
  const openpgp = settings[tree.verdict];
  const vault = settings.vault[tree.verdict];
  const judged = examined.judgement.files.filter((file) => file.verdict === tree.verdict);
  if (judged.length === 0 || (openpgp === undefined && vault === undefined)) return nothing;
  const gathered = openpgp && (await gatherLinks(options, tree, openpgp, judged));
  const isKept =
    tree.verdict === 'reproducible' &&
    ((gathered !== undefined && coversFewer(gathered)) ||
      (vault !== undefined && (await statesMore(options, tree, vault, judged))));
  if (isKept)
    options.log.info('the earlier evidence is kept: it is of more files', { source: job.build.source });
  // At once: each waits for the vault, and neither for the other.
  const failed = new AbortController();
  const signing = { ...options, signal: AbortSignal.any([options.signal, failed.signal]) };
  const [links, documents] = await Promise.all([
    gathered && openpgp ? publishLinks(signing, gathered, openpgp) : [],
    isKept ? [] : publishDocuments(signing, tree, judged),
  ]).catch((error: unknown) => {
    failed.abort(error);
    throw error;
  });
  return {
    files: [
      ...links,
      ...documents,
      ...(openpgp === undefined
        ? []
        : [{ path: publicKeyPath(settings.folder, openpgp.fingerprint), content: openpgp.armored }]),
    ],
    signedBy: openpgp === undefined ? [] : [openpgp.fingerprint],
  };
}

/** What names each other by hash, and so is replaced together or not at all: evidence, statement, buildinfo. */
async function publishDocuments(
  options: PublishOptions,
  tree: Tree,
  judged: readonly JudgedFile[],
): Promise<readonly Published[]> {
  const { settings, job, examined } = options;
  const vault = settings.vault[tree.verdict];
  const evidence = evidenceDocument(job, examined);
  const statements =
    vault === undefined ? [] : await publishStatements(options, tree, vault, { judged, evidence });
  const beside = besideOf(tree, job.build);
  const label = labelOf(job.build);
  const buildinfo = examined.buildinfo;
  return [
    ...statements,
    { path: beside(publishedNames.evidence(label)), content: evidence },
    ...(buildinfo === null
      ? []
      : [
          {
            path: beside(publishedNames.buildinfo(job.build.source, job.build.version, label)),
            content: buildinfo,
            isKept: true as const,
          },
        ]),
  ];
}

/** The signed Releases that vouch for the verdict, so that it can be checked again without the archive's history. */
function releasesOf({ settings, examined }: PublishOptions): readonly Published[] {
  return examined.indexes.releases.flatMap(({ file, signature }) => {
    const at = (form: Parameters<typeof releaseName>[1]) =>
      parsePublicationPath(`${settings.folder}/${releaseName(file.sha256, form)}`);
    if (signature === null) return [{ path: at('InRelease'), content: file.content, isKept: true }];
    return [
      { path: at('Release'), content: file.content, isKept: true },
      { path: at('Release.gpg'), content: signature.content, isKept: true },
    ];
  });
}
