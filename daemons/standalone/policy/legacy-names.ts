import { byCodePoint } from './python-text.ts';

/** Editors' and rpm's leftovers; qubes-core-qrexec, qrexec/policy/parser_compat.py. */
const ignoredSuffixes = ['.rpmsave', '.rpmnew', '.swp'];

export function isLegacyName(name: string): boolean {
  return (
    /^[A-Za-z0-9+_-][A-Za-z0-9+._-]*$/.test(name) &&
    !ignoredSuffixes.some((suffix) => name.length > suffix.length && name.endsWith(suffix))
  );
}

/** By service, and of one service those for an argument first. */
export function sortLegacyNames(
  names: Iterable<string>,
): readonly Readonly<{ name: string; service: string; argument: string }>[] {
  return [...names]
    .map((name) => {
      const plus = name.indexOf('+');
      return plus < 0
        ? { name, service: name, argument: '*' }
        : { name, service: name.slice(0, plus), argument: name.slice(plus) };
    })
    .sort((a, b) => byCodePoint(a.service, b.service) || generalLast(a.argument, b.argument));
}

function generalLast(a: string, b: string): number {
  if (a === '*' || b === '*') return Number(a === '*') - Number(b === '*');
  return byCodePoint(a, b);
}
