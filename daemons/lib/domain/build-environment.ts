import { newestEntry } from './changelog.ts';
import type { Architecture, DebVersion, SourceName } from './names.ts';
import { splitDebVersion } from './version.ts';

/**
 * What of a buildinfo may reach a build. A buildinfo is unsigned data that anyone between the archive and the attester
 * could have written: a variable that makes a program run code, or that is long enough to hold a file, would bring the
 * official bytes past the blinding (DESIGN §4.4). So names are closed, and each value is of a narrow form; dpkg's own
 * list (Dpkg::BuildInfo) is of what is worth recording, and is wider.
 */

export type BuildVariable = readonly [name: string, value: string];

/** What a build's changelog entry has to name. */
export type BuiltVersion = Readonly<{ source: SourceName; sourceVersion: DebVersion; version: DebVersion }>;

const locale = /^(?:[A-Za-z][A-Za-z0-9_.@-]{0,39})?$/;
const categories = [
  'ADDRESS',
  'ALL',
  'COLLATE',
  'CTYPE',
  'IDENTIFICATION',
  'MEASUREMENT',
  'MESSAGES',
  'MONETARY',
  'NAME',
  'NUMERIC',
  'PAPER',
  'TELEPHONE',
  'TIME',
];

const maxWords = 200;

/** wiki.debian.org/BuildProfileSpec, "Registered profile names", without `cross`: no build here is for another architecture. */
const profiles: ReadonlySet<string> = new Set(
  (
    'nobiarch nocheck nocil nodoc nogir nogolang noguile noinsttest nojava nolua noocaml noperl nopython noruby noudeb ' +
    'nowasm nowindows stage1 stage2'
  ).split(' '),
);

const allowed: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['LANG', like(locale)],
  ...categories.map((category) => [`LC_${category}`, like(locale)] as const),
  ['TZ', like(/^(?:[A-Za-z][A-Za-z0-9/+_-]{0,39})?$/)],
  ['SOURCE_DATE_EPOCH', like(/^\d{1,12}$/)],
  // debian-policy 4.9.1 and dpkg-buildpackage(1): `nocheck parallel=4 hardening=+all,-pie`.
  ['DEB_BUILD_OPTIONS', wordsLike(/^[a-z][a-z0-9-]*(?:[=,][a-z0-9+,=-]*)?$/)],
  ['DEB_BUILD_PROFILES', wordsThat((word) => profiles.has(word) || /^pkg(?:\.[a-z0-9+-]+){2,}$/.test(word))],
  ['DEB_VENDOR', like(/^[A-Za-z0-9.-]{0,40}$/)],
  // Builds under make or eatmydata record these; they say how fast, not what.
  ['MAKEFLAGS', like(/^w?(?: ?-[jl]\d{0,4})*$/)],
  ['LD_LIBRARY_PATH', like(/^(?:\/usr\/lib\/libeatmydata)?$/)],
  ['DPKG_GENSYMBOLS_CHECK_LEVEL', like(/^\d$/)],
]);

function like(form: RegExp): (value: string) => boolean {
  return (value) => form.test(value);
}

function wordsLike(form: RegExp): (value: string) => boolean {
  return wordsThat((word) => form.test(word));
}

function wordsThat(isGood: (word: string) => boolean): (value: string) => boolean {
  return (value) => value.length <= maxWords && value.split(' ').every((word) => word === '' || isGood(word));
}

/** Why this environment must not be given to a build, naming the first variable that is at fault; else undefined. */
export function whyNotVariables(variables: readonly BuildVariable[]): string | undefined {
  for (const [name, value] of variables) {
    const isGood = allowed.get(name);
    if (isGood === undefined) return `no build is given the variable ${name.slice(0, 80)}`;
    if (!isGood(value)) return `no build is given ${name} of the value ${JSON.stringify(value.slice(0, 80))}`;
  }
  return undefined;
}

/**
 * Why these Binary-Only-Changes must not be given to a build: they are one short entry of deb-changelog(5) for the very
 * source and version, and only a binary-only rebuild has any.
 */
export function whyNotChanges(changes: string | null, build: BuiltVersion): string | undefined {
  if (changes === null) return undefined;
  if (build.version === build.sourceVersion)
    return 'only a binary-only rebuild has a changelog entry of its own';
  const entry = newestEntry(changes);
  if (entry?.text !== changes || entry.source !== build.source || entry.version !== build.version) {
    return `Binary-Only-Changes is not one short changelog entry of ${build.source} ${build.version}`;
  }
  return undefined;
}

/** Whose programs a machine runs as its own, by dpkg's names; every machine those of its architecture. */
const alsoRuns: Readonly<Record<string, readonly string[]>> = { amd64: ['i386'], arm64: ['armhf', 'armel'] };

/** Why a build that ran on one architecture cannot run on a machine of another: it would be emulated, or made for it alone. */
export function whyNotHere(built: Architecture, machine: Architecture): string | undefined {
  if (built === machine || alsoRuns[machine]?.includes(built)) return undefined;
  return `it was built on ${built}, and builds here run on ${machine}`;
}

const maxPath = 250;
/** Folders of the root that programs look into for more than sources; `/usr/src` is none. */
const systemPath =
  /^\/(?:bin|boot|dev|etc|lib(?:x?32|64)?|nonexistent|proc|run|sbin|sys|usr(?!\/src\/))(?:\/|$)/;

/**
 * Whether a build path is absolute, without shell metacharacters and `..` (devscripts' debrebuild refuses the same), and
 * is a place for sources.
 */
export function isBuildPath(path: string): boolean {
  return (
    path.length <= maxPath && /^(?:\/[A-Za-z0-9][A-Za-z0-9+.~_-]*)+$/.test(path) && !systemPath.test(path)
  );
}

/** The variables of a build whose buildinfo is not to be had, as today's archives build. */
export function usualEnvironment(parallel: number): readonly BuildVariable[] {
  return [
    ['DEB_BUILD_OPTIONS', `parallel=${parallel}`],
    ['LANG', 'C.UTF-8'],
    ['LC_ALL', 'C.UTF-8'],
    ['TZ', 'UTC'],
  ];
}

/** Where Debian's own rebuilders build, and archives have built since 2023 (facts: debian-rebuild §2). */
export function usualBuildPath(source: SourceName, sourceVersion: DebVersion): string {
  const folder = `${source}-${splitDebVersion(sourceVersion).upstream}`.replace(/[^A-Za-z0-9+.~_-]/g, '-');
  return `/build/reproducible-path/${folder}`;
}
