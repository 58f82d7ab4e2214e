import type { JudgedFile } from '../../lib/contracts/documents/judged-file.ts';
import type { Project } from '../../lib/domain/dist.ts';
import type { ShownState } from '../../lib/domain/verdict.ts';
import { type PublishedLinks, type Result, stateOrder } from '../results-tree.ts';
import { shownTime } from '../shown-time.ts';
import { Html, html, urlOf } from './html.ts';
import { type StateCounts, stateBar } from './state-bar.ts';
import { contentSecurityPolicy, style } from './style.ts';

const projectNames: Readonly<Record<Project, string>> = {
  debian: 'Debian',
  qubesos: 'Qubes OS',
  fedora: 'Fedora',
};

/** What each state means to a reader who meets the word here for the first time. */
const meanings: Readonly<Record<ShownState, string>> = {
  reproducible: 'Every file that the signed index names came out identical.',
  unreproducible: 'A file came out different in the very environment of the official build.',
  failure: 'No verdict could be reached; the code says why.',
  retry: 'A try failed; another one is due.',
  running: 'Being rebuilt now.',
  pending: 'Waiting for its turn.',
};

/**
 * The one page of a project's results, `<project>/results/index.html`. The same results make the same bytes. Links are
 * relative, since a server may hide the project's folder.
 */
export function indexPage(project: Project, results: readonly Result[], links: PublishedLinks): Html {
  const title = `${projectNames[project]}: rebuild results`;
  const latest = results.reduce((last, { row }) => Math.max(last, row.changed), 0);
  const dists = groupBy(results, ({ dist }) => `${dist.distribution} (${dist.architecture})`);
  const states = groupBy(results, ({ row }) => row.state);
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy}">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<a class="skip" href="#builds">Skip to the builds</a>
<header>
<h1>${title}</h1>
<p>Official packages, built again from source and compared byte for byte. ${
    latest === 0
      ? 'Nothing was built yet.'
      : html`Latest change: <time datetime="${shownTime(latest)}">${shownTime(latest)}</time>.`
  }
For programs: <a href="${urlOf(`${project}.json`)}">${project}.json</a>.</p>
</header>
<main>
<section aria-labelledby="dists"><h2 id="dists">By distribution</h2>
${[...dists].map(([name, of], index) => stateBar(`bar-${index}`, name, countStates(of)))}
${dists.size === 0 ? html`<p>No builds are known.</p>` : null}
</section>
<section aria-labelledby="builds"><h2 id="builds">Builds by state</h2>
${stateOrder.flatMap((state) => {
  const of = states.get(state);
  return of === undefined ? [] : [stateSection(state, of, links)];
})}
${states.size === 0 ? html`<p>No builds are known.</p>` : null}
</section>
</main>
</body>
</html>
`;
}

function stateSection(state: ShownState, results: readonly Result[], links: PublishedLinks): Html {
  return html`<div class="wide">
<table class="builds" id="state-${state}">
<caption><span class="swatch ${state}"></span>${state} (${results.length}). ${meanings[state]}</caption>
<thead><tr><th scope="col">Source</th><th scope="col">Version</th><th scope="col">Dist</th><th scope="col">Environment</th><th scope="col">Why</th><th scope="col">Files</th></tr></thead>
<tbody>
${results.map((result) => buildRow(result, links))}</tbody>
</table>
</div>
`;
}

function buildRow(result: Result, links: PublishedLinks): Html {
  const { row } = result;
  const link = links.ofBuild(result, 'reproducible') ?? links.ofBuild(result, 'unreproducible');
  return html`<tr id="build-${row.build}"><th scope="row"><bdi>${row.source}</bdi></th><td>${row.version}</td><td>${row.dist}</td><td>${row.environment}${
    row.selfHosted ? ', self-hosted' : ''
  }</td><td>${row.code === null ? null : html`<code>${row.code}</code> `}<bdi>${row.say}</bdi>${attestedNotes(result, links)}</td><td>${
    row.files.length === 0
      ? 'none known'
      : html`<details><summary>${row.files.length} ${row.files.length === 1 ? 'file' : 'files'}</summary><ul>
${row.files.map((file) => fileItem(result, file, links))}</ul></details>`
  }${link === null ? null : html`<a href="${relative(link)}">link of this build</a>`}</td></tr>
`;
}

/** A later attempt takes back nothing that was signed: where the state does not say it, this does. */
function attestedNotes(result: Result, links: PublishedLinks): readonly Html[] {
  const { attested, state } = result.row;
  return attested
    .filter(({ verdict }) => verdict !== state || verdict === 'failure')
    .map(({ verdict, at }) => {
      const kind = verdict === 'unreproducible' ? verdict : 'reproducible';
      const stays = links.ofBuild(result, kind) === null ? '' : ', still published';
      const word = verdict === 'failure' ? 'in part' : verdict;
      return html` Attested ${word} on <time datetime="${shownTime(at)}">${shownTime(at)}</time>${stays}.`;
    });
}

function fileItem(result: Result, file: JudgedFile, links: PublishedLinks): Html {
  const link =
    file.verdict === 'reproducible' && file.package !== null && file.version !== null
      ? links.ofBinary(result, file.package, file.version)
      : null;
  const hashes =
    file.officialSha256 !== null && file.officialSha256 === file.rebuiltSha256
      ? html`both <span class="hash">${file.officialSha256}</span>`
      : html`official <span class="hash">${file.officialSha256 ?? 'none'}</span>, rebuilt <span class="hash">${file.rebuiltSha256 ?? 'none'}</span>`;
  return html`<li><bdi>${file.name}</bdi>: <strong>${file.verdict}</strong>, ${hashes}${
    link === null ? null : html`, <a href="${relative(link)}">link</a>`
  }</li>
`;
}

/** From `<project>/results/` to another path of the same project. */
function relative(path: string): string {
  return `../${urlOf(path.slice(path.indexOf('/') + 1))}`;
}

function countStates(results: readonly Result[]): StateCounts {
  const counts = new Map<ShownState, number>();
  for (const { row } of results) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
  return counts;
}

function groupBy<K>(results: readonly Result[], keyOf: (result: Result) => K): Map<K, Result[]> {
  const groups = new Map<K, Result[]>();
  for (const result of results) {
    const key = keyOf(result);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [result]);
    else group.push(result);
  }
  return groups;
}
