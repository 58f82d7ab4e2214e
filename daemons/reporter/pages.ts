import type { PublicationEntry } from '../lib/contracts/documents/publication.ts';
import type { ResultRow } from '../lib/contracts/documents/views.ts';
import { type Project, projects } from '../lib/domain/dist.ts';
import { type PublicationPath, parsePublicationPath } from '../lib/domain/names.ts';
import { indexPage } from './page/index-page.ts';
import { PublishedLinks, type Result, resultsOf, resultsTree } from './results-tree.ts';

/** One file of the results, ready to be published. */
export type Page = Readonly<{ path: PublicationPath; bytes: Buffer }>;

/**
 * Every file of `<project>/results/`, for each project that has results (Debian's when none has): upstream's JSON
 * whole and by distribution, and the page. The same input makes the same bytes.
 */
export function makePages(
  rows: Iterable<ResultRow>,
  publication: Iterable<PublicationEntry>,
  onUnknownDist: (row: ResultRow) => void,
): Page[] {
  const links = new PublishedLinks(publication);
  const results = resultsOf(rows, onUnknownDist);
  const present = projects.filter((project) => results.some(({ dist }) => dist.project === project));
  return (present.length === 0 ? (['debian'] as const) : present).flatMap((project) =>
    projectPages(
      project,
      results.filter(({ dist }) => dist.project === project),
      links,
    ),
  );
}

function projectPages(project: Project, results: readonly Result[], links: PublishedLinks): Page[] {
  const tree = resultsTree(results, links);
  const folder = `${project}/results`;
  return [
    page(`${folder}/${project}.json`, JSON.stringify(tree)),
    ...Object.entries(tree).map(([distribution, architectures]) =>
      page(
        `${folder}/${project}_${fileNameOf(distribution)}.json`,
        JSON.stringify({ [distribution]: architectures }),
      ),
    ),
    page(`${folder}/index.html`, indexPage(project, results, links).toString()),
  ];
}

/** A suite may lie in a sub-folder (`bookworm/updates`); `:` cannot stand in one, so no two names meet. */
function fileNameOf(distribution: string): string {
  return distribution.replaceAll('/', ':');
}

function page(path: string, text: string): Page {
  return { path: parsePublicationPath(path), bytes: Buffer.from(text, 'utf8') };
}
