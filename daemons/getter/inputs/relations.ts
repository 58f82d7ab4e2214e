import { type Relation, satisfies } from '../../lib/domain/version.ts';

/** One alternative of a dependency: Debian Policy 7.1. */
export type Alternative = Readonly<{
  package: string;
  relation: Relation | null;
  version: string;
}>;

/** `a (>= 1) | b:any, c`: groups of alternatives; what cannot be read is left out. */
export function parseRelations(text: string): readonly (readonly Alternative[])[] {
  return text
    .split(',')
    .map((group) =>
      group
        .split('|')
        .map(parseAlternative)
        .filter((alternative) => alternative !== undefined),
    )
    .filter((group) => group.length > 0);
}

function parseAlternative(text: string): Alternative | undefined {
  const match =
    /^([a-z0-9][a-z0-9+.-]+)(?::[a-z0-9-]+)?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s()]+)\s*\))?$/.exec(
      text.trim(),
    );
  if (match === null) return undefined;
  const [, name = '', sign, version = ''] = match;
  return { package: name, relation: relationOf(sign), version };
}

/** `<` and `>` mean `<=` and `>=`, as dpkg reads old packages. */
function relationOf(sign: string | undefined): Relation | null {
  if (sign === undefined) return null;
  if (sign === '<') return '<=';
  if (sign === '>') return '>=';
  return sign as Relation;
}

/** Whether a package of that version, or one that provides that version of the name, is what is asked for. */
export function isSatisfiedBy(alternative: Alternative, version: string | null): boolean {
  if (alternative.relation === null) return true;
  return version !== null && satisfies(version, alternative.relation, alternative.version);
}
