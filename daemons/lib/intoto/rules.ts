import { type ArtifactRule, type MatchRule, type Rule, unpackRule } from '../domain/artifact-rule.ts';
import type { Artifacts, Hashes } from '../domain/link.ts';
import { filterNames } from './fnmatch.ts';

/** Artifact rules, applied as in_toto/verifylib.py does: artifacts wait in a queue, and each rule takes out what it allows. */

export type Side = 'materials' | 'products';
/** What a step or an inspection recorded. */
export type Recorded = Readonly<Record<Side, Artifacts>>;
export type RecordedItems = ReadonlyMap<string, Recorded>;

/** A step or an inspection of a layout. */
export interface Item {
  readonly name: string;
  readonly expected_materials: readonly Rule[];
  readonly expected_products: readonly Rule[];
}

/** A rule that does not hold. */
export class RuleFailure extends Error {
  override readonly name = 'RuleFailure';
  constructor(
    readonly item: string,
    readonly side: Side,
    readonly rule: Rule,
    /** What a DISALLOW found left over, or what a REQUIRE did not find. */
    readonly artifacts: readonly string[],
    /** The rules before it. */
    readonly before: readonly Rule[],
  ) {
    super(`${item}: ${rule.join(' ')} (${side})`);
  }
}

/** @throws RuleFailure at the first rule that does not hold */
export function checkItems(items: readonly Item[], recorded: RecordedItems): void {
  for (const item of items) {
    checkRules(item.name, 'materials', item.expected_materials, recorded);
    checkRules(item.name, 'products', item.expected_products, recorded);
  }
}

function checkRules(item: string, side: Side, rules: readonly Rule[], recorded: RecordedItems): void {
  const own = recorded.get(item);
  if (own === undefined) return;
  const queue = new Set(Object.keys(own[side]));
  rules.forEach((words, at) => {
    const fail = (artifacts: readonly string[]) =>
      new RuleFailure(item, side, words, artifacts, rules.slice(0, at));
    const rule = unpackRule(words);
    if (rule.kind === 'require') {
      // A name, not a pattern.
      if (!queue.has(rule.pattern)) throw fail([rule.pattern]);
      return;
    }
    if (rule.kind === 'match') {
      for (const { path, there } of matchCandidates(rule, queue, recorded)) {
        const here = hashesOf(own[side], path);
        // A folder of the rule and a path that, put together again, are not what was cut apart: in-toto stops there.
        if (here === undefined) throw fail([path]);
        if (there !== undefined && sameHashes(here, there)) queue.delete(path);
      }
      return;
    }
    const named = filterNames(queue, rule.pattern);
    if (rule.kind === 'disallow') {
      if (named.length > 0) throw fail(named);
      return;
    }
    for (const path of named) if (isAllowed(rule.kind, path, own)) queue.delete(path);
  });
}

function isAllowed(
  kind: Exclude<ArtifactRule['kind'], 'match' | 'require' | 'disallow'>,
  path: string,
  { materials, products }: Recorded,
): boolean {
  const [before, after] = [hashesOf(materials, path), hashesOf(products, path)];
  switch (kind) {
    case 'allow':
      return true;
    case 'create':
      return before === undefined && after !== undefined;
    case 'delete':
      return before !== undefined && after === undefined;
    case 'modify':
      return before !== undefined && after !== undefined && !sameHashes(before, after);
  }
}

/** The artifacts that a MATCH rule is about, each with the hashes that stand where the rule looks. */
export function matchCandidates(
  rule: MatchRule,
  paths: Iterable<string>,
  recorded: RecordedItems,
): readonly Readonly<{ path: string; there: Hashes | undefined }>[] {
  const target = recorded.get(rule.to.item);
  if (target === undefined) return [];
  const folder = rule.prefix === '' ? '' : slashes(join(rule.prefix, ''));
  const within = [...paths]
    .filter((path) => path.startsWith(folder))
    .map((path) => path.slice(folder.length));
  return filterNames(within, rule.pattern).map((name) => ({
    path: rule.prefix === '' ? name : slashes(join(rule.prefix, name)),
    there: hashesOf(target[rule.to.side], rule.to.prefix === '' ? name : slashes(join(rule.to.prefix, name))),
  }));
}

function hashesOf(artifacts: Artifacts, path: string): Hashes | undefined {
  return Object.hasOwn(artifacts, path) ? artifacts[path] : undefined;
}

/** in-toto compares the whole set: `{sha256}` is not `{sha256, sha512}`. */
function sameHashes(a: Hashes, b: Hashes): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  );
}

export function sameArtifacts(a: Artifacts, b: Artifacts): boolean {
  const paths = Object.keys(a);
  return (
    paths.length === Object.keys(b).length &&
    paths.every((path) => {
      const [here, there] = [hashesOf(a, path), hashesOf(b, path)];
      return here !== undefined && there !== undefined && sameHashes(here, there);
    })
  );
}

/** Python's os.path.join on POSIX. */
function join(folder: string, name: string): string {
  if (name.startsWith('/')) return name;
  return folder === '' || folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

function slashes(path: string): string {
  return path.replaceAll('\\', '/');
}
