import type { ShownState } from '../../lib/domain/verdict.ts';
import { stateOrder } from '../results-tree.ts';
import { type Html, html } from './html.ts';

export type StateCounts = ReadonlyMap<ShownState, number>;

const barWidth = 1_000;
const barHeight = 28;

/** A bar of the states in proportion, beside the table that says the same in numbers. `id` must be unique on the page. */
export function stateBar(id: string, title: string, counts: StateCounts): Html {
  const total = stateOrder.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0);
  const shown = stateOrder.filter((state) => (counts.get(state) ?? 0) > 0);
  const words = shown.map((state) => `${counts.get(state)} ${state}`).join(', ') || 'no builds';
  let before = 0;
  const segments = shown.map((state) => {
    const x = scale(before, total);
    before += counts.get(state) ?? 0;
    return html`<rect class="fill ${state}" x="${x}" y="0" width="${scale(before, total) - x}" height="${barHeight}"/>`;
  });
  return html`<figure>
<svg role="img" aria-labelledby="${id}-title" viewBox="0 0 ${barWidth} ${barHeight}" preserveAspectRatio="none">
<title id="${id}-title">${title}: ${words}</title>
${segments}
</svg>
<table class="counts">
<caption>${title}</caption>
<thead><tr><th scope="col">State</th><th scope="col">Builds</th><th scope="col">Share</th></tr></thead>
<tbody>
${shown.map(
  (
    state,
  ) => html`<tr><th scope="row"><span class="swatch ${state}"></span>${state}</th><td>${counts.get(state) ?? 0}</td><td>${percent(counts.get(state) ?? 0, total)}</td></tr>
`,
)}</tbody>
<tfoot><tr><th scope="row">all</th><td>${total}</td><td></td></tr></tfoot>
</table>
</figure>`;
}

function scale(count: number, total: number): number {
  return total === 0 ? 0 : Math.round((count / total) * barWidth);
}

function percent(count: number, total: number): string {
  return `${((count / total) * 100).toFixed(1)} %`;
}
