/** The known words that a mistyped one was most likely meant to be; all of them if none is near. */
export function closest(word: string, known: readonly string[]): readonly string[] {
  const near = known
    .map((candidate) => ({ candidate, distance: distanceOf(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return near.length === 0 ? known : near.slice(0, 2).map(({ candidate }) => candidate);
}

/** Levenshtein's distance; `a` is cut so that a long line costs no time. */
function distanceOf(a: string, b: string): number {
  const letters = a.slice(0, 100);
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...letters].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= b.length; at++) {
      const change = (row[at - 1] ?? 0) + (letter === b[at - 1] ? 0 : 1);
      next.push(Math.min(change, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
