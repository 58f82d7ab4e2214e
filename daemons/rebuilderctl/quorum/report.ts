import type { Terminal } from '../terminal.ts';
import { table } from '../terminal.ts';
import { type Judged, type Outcome, outcomes, type Word } from './outcome.ts';
import type { Package } from './packages.ts';

/** What rebuilders say of one package, weighed. */
export type Row = Readonly<{ package: Package; words: readonly Word[] }> & Judged;

const meanings: Readonly<Record<Outcome, string>> = {
  agreed: 'enough rebuilders made the same bytes',
  uneven:
    'enough made the same bytes, and their links differ in the rest: they rebuild other architectures, say',
  short: 'too few rebuilders made it',
  unknown: 'too few made it, and not all could be asked',
  outvoted: 'enough made the same bytes, and somebody made others',
  disagreed: 'rebuilders made different bytes',
};
/** Somebody has to look into these. */
export const alarms: readonly Outcome[] = ['outvoted', 'disagreed'];
const red = 31;

/** One object a package. */
export function jsonOf({ package: of, outcome, apt, sha256, votes, words }: Row): object {
  return {
    package: of.name,
    version: of.version,
    architecture: of.architecture,
    source: of.source,
    outcome,
    apt,
    sha256: sha256 ?? null,
    votes,
    rebuilders: words.map((word) => {
      const { rebuilder, says } = word;
      return {
        rebuilder,
        says,
        sha256: word.says === 'reproduced' ? word.sha256 : word.says === 'differs' ? word.rebuilt : null,
        key: word.says === 'reproduced' ? word.key : null,
        say: 'say' in word ? word.say : null,
      };
    }),
  };
}

/** How many of each, and every package that has no quorum, the alarms last, where they are seen. */
export function print(terminal: Terminal, rows: readonly Row[], isOne: boolean): void {
  const others = outcomes
    .filter((outcome) => outcome !== 'agreed')
    .flatMap((outcome) => rows.filter((row) => row.outcome === outcome));
  const lines = table(
    ['PACKAGE', 'VERSION', 'ARCH', 'QUORUM', 'APT', 'WHO'],
    (isOne ? rows : others).map((row) => [
      row.package.name,
      row.package.version,
      row.package.architecture,
      row.outcome,
      row.apt === null ? '-' : row.apt ? 'accepts' : 'refuses',
      row.words.map(wordOf).join('; '),
    ]),
  );
  const shown = isOne ? rows : others;
  if (shown.length > 0) terminal.print(lines[0] ?? '');
  shown.forEach((row, at) => {
    terminal.print(paint(terminal, row.outcome, lines[at + 1] ?? ''));
  });
  for (const outcome of outcomes) {
    const count = rows.filter((row) => row.outcome === outcome).length;
    if (count > 0) terminal.print(paint(terminal, outcome, `${count} ${outcome}: ${meanings[outcome]}`));
  }
}

function wordOf(word: Word): string {
  const short = (sha256: string) => sha256.slice(0, 12);
  switch (word.says) {
    case 'reproduced':
      return `${word.rebuilder} made ${short(word.sha256)}`;
    case 'differs':
      return `${word.rebuilder} made ${short(word.rebuilt)} instead`;
    case 'other-files':
      return `${word.rebuilder} lists other files`;
    case 'absent':
      return `${word.rebuilder} has none`;
    case 'unreachable':
    case 'refused':
      return `${word.rebuilder}: ${word.say}`;
  }
}

function paint(terminal: Terminal, outcome: Outcome, text: string): string {
  return terminal.colour && alarms.includes(outcome) ? `\u001b[${red}m${text}\u001b[0m` : text;
}
