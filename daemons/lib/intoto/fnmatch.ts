/** Patterns of artifact rules: Python's fnmatch (Lib/fnmatch.py of 3.11), in which `*` also crosses `/`. */

type Token = 'star' | ((character: string) => boolean);

/** The names that match, as `fnmatch.filter` on POSIX gives them. */
export function filterNames(names: Iterable<string>, pattern: string): readonly string[] {
  const tokens = tokensOf([...pattern]);
  return [...names].filter((name) => matches([...name], tokens));
}

function tokensOf(pattern: readonly string[]): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? '';
    const end = character === '[' ? endOfSet(pattern, at + 1) : undefined;
    if (character === '*') tokens.push('star');
    else if (character === '?') tokens.push(() => true);
    else if (end !== undefined) {
      tokens.push(setOf(pattern.slice(at + 1, end)));
      at = end;
    } else tokens.push((one) => one === character);
  }
  return tokens;
}

/** Where the set that begins at `from` is closed; a `]` in the first place is one of its members. */
function endOfSet(pattern: readonly string[], from: number): number | undefined {
  let at = from;
  if (pattern[at] === '!') at += 1;
  if (pattern[at] === ']') at += 1;
  const end = pattern.indexOf(']', at);
  return end === -1 ? undefined : end;
}

type Member = Readonly<{ character: string; isRange: boolean }>;

/** `[...]`: what stands between the brackets, read by the regular expression that Python makes of it. */
function setOf(content: readonly string[]): Exclude<Token, 'star'> {
  const members = membersOf(chunksOf(content));
  const isNegated = members[0]?.character === '!' && !members[0].isRange;
  const listed = isNegated ? members.slice(1) : members;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < listed.length; at++) {
    const low = listed[at]?.character ?? '';
    const high = listed[at + 1]?.isRange ? listed[at + 2]?.character : undefined;
    if (high === undefined) ranges.push([low, low]);
    else {
      ranges.push([low, high]);
      at += 2;
    }
  }
  return (one) => ranges.some(([low, high]) => isWithin(one, low, high)) !== isNegated;
}

/** The content cut at the hyphens that make ranges; ranges that are empty are taken out. */
function chunksOf(content: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let from = 0;
  let at = content.indexOf('-', content[0] === '!' ? 2 : 1);
  while (at !== -1) {
    chunks.push(content.slice(from, at));
    from = at + 1;
    at = content.indexOf('-', at + 3);
  }
  const rest = content.slice(from);
  if (rest.length > 0 || chunks.length === 0) chunks.push(rest);
  else chunks.at(-1)?.push('-');
  for (let k = chunks.length - 1; k > 0; k--) {
    const [left = [], right = []] = [chunks[k - 1], chunks[k]];
    if (codePoint(left.at(-1)) > codePoint(right[0])) {
      chunks.splice(k - 1, 2, [...left.slice(0, -1), ...right.slice(1)]);
    }
  }
  return chunks;
}

function membersOf(chunks: readonly (readonly string[])[]): readonly Member[] {
  return chunks.flatMap((chunk, at) => [
    ...(at === 0 ? [] : [{ character: '-', isRange: true }]),
    ...chunk.map((character) => ({ character, isRange: false })),
  ]);
}

function isWithin(one: string, low: string, high: string): boolean {
  return codePoint(low) <= codePoint(one) && codePoint(one) <= codePoint(high);
}

function codePoint(character = ''): number {
  return character.codePointAt(0) ?? -1;
}

/** One pass that returns to the last star alone: patterns cannot make it slow. */
function matches(name: readonly string[], tokens: readonly Token[]): boolean {
  let at = 0;
  let token = 0;
  let star: { token: number; at: number } | undefined;
  while (at < name.length) {
    const wanted = tokens[token];
    if (wanted === 'star') {
      star = { token, at };
      token += 1;
    } else if (wanted?.(name[at] ?? '')) {
      token += 1;
      at += 1;
    } else if (star !== undefined) {
      star.at += 1;
      at = star.at;
      token = star.token + 1;
    } else return false;
  }
  return tokens.slice(token).every((left) => left === 'star');
}
