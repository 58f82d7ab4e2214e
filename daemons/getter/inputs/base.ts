import type { PackageEntry, PackageRelations } from '../../lib/archive/lookup.ts';
import { type Alternative, isSatisfiedBy, parseRelations } from './relations.ts';

/** A package of an environment, with what it needs and gives. */
export type Member = Readonly<{ entry: PackageEntry; relations: PackageRelations }>;

/**
 * Which packages of an environment make its base: the essential ones, build-essential, and what they need, all of it
 * from the environment itself. Of alternatives the first that is there counts, so that two environments that differ
 * only in what a package needs beyond that share one base.
 */
export function baseOf(members: readonly Member[]): ReadonlySet<Member> {
  const environment = new Environment(members);
  const roots = members.filter(
    ({ entry, relations }) => relations.essential || entry.package === 'build-essential',
  );
  roots.sort((a, b) => (a.entry.package < b.entry.package ? -1 : 1));
  // A set is walked in the order of insertion, also what is added on the way.
  const base = new Set(roots);
  for (const member of base) {
    for (const group of parseRelations(member.relations.depends)) {
      const chosen = environment.choose(group, base);
      if (chosen !== undefined) base.add(chosen);
    }
  }
  return base;
}

class Environment {
  readonly #byName = new Map<string, Member[]>();
  /** Who provides a name, and in which version, if in any. */
  readonly #providers = new Map<string, { member: Member; version: string | null }[]>();

  constructor(members: readonly Member[]) {
    const sorted = members.toSorted((a, b) => (a.entry.package < b.entry.package ? -1 : 1));
    for (const member of sorted) {
      append(this.#byName, member.entry.package, member);
      for (const [provided] of parseRelations(member.relations.provides)) {
        if (provided === undefined) continue;
        const version = provided.relation === null ? null : provided.version;
        append(this.#providers, provided.package, { member, version });
      }
    }
  }

  /** What satisfies a group: one that is in the base already, else the first alternative that can. */
  choose(group: readonly Alternative[], base: ReadonlySet<Member>): Member | undefined {
    const candidates = group.flatMap((alternative) => this.#candidates(alternative));
    return candidates.find((member) => base.has(member)) ?? candidates[0];
  }

  #candidates(alternative: Alternative): readonly Member[] {
    const real = (this.#byName.get(alternative.package) ?? []).filter(({ entry }) =>
      isSatisfiedBy(alternative, entry.version),
    );
    const provided = (this.#providers.get(alternative.package) ?? [])
      .filter(({ version }) => isSatisfiedBy(alternative, version))
      .map(({ member }) => member);
    return [...real, ...provided];
  }
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
