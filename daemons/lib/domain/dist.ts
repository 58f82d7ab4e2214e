import { type Architecture, NameError, parseArchitecture, parseSuite, type Suite } from './names.ts';

/** What the seed calls a project: the top folder of what is published. */
export const projects = ['debian', 'qubesos', 'fedora'] as const;
export type Project = (typeof projects)[number];

/** The distribution that a Qubes template is made of. */
export type Underlying =
  | Readonly<{ family: 'debian'; suite: Suite }>
  | Readonly<{ family: 'fedora'; release: number }>;

interface Common {
  /** As it was written, with its sets: the name under which results are kept. */
  readonly text: string;
  /** What stands before the sets and the architecture: `unstable`, `qubes-4.3-vm-trixie`, `fedora-43`. */
  readonly distribution: string;
  /** Package sets, in the order written; `full` alone when none was. */
  readonly sets: readonly string[];
  /** In Debian's words: `x86_64` is `amd64`, `noarch` is `all`. */
  readonly architecture: Architecture;
}

/** A target of the seed's grammar `DISTRIBUTION[+SET]*.ARCH`, parsed. */
export type Dist = Common &
  (
    | Readonly<{ project: 'debian'; suite: Suite }>
    | Readonly<{ project: 'qubesos'; release: string; domain: 'vm' | 'dom0'; under: Underlying }>
    | Readonly<{ project: 'fedora'; release: number }>
  );

export const distParts = ['dist', 'distribution', 'set', 'architecture'] as const;
export type DistPart = (typeof distParts)[number];

/** A dist that is not of the grammar: `part` says where it is wrong. */
export class DistError extends Error {
  override readonly name = 'DistError';
  readonly code = 'bad-dist';
  constructor(
    readonly part: DistPart,
    dist: string,
    say: string,
    options?: ErrorOptions,
  ) {
    super(`dist ${JSON.stringify(dist.slice(0, 80))}: ${say}`, options);
  }
}

export const maxDistLength = 200;
const maxSets = 30;

const architectureAliases: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'amd64'],
  ['noarch', 'all'],
]);

/** Wildcards and the source pseudo-architecture: no binary is built for them. */
const notArchitectures: ReadonlySet<string> = new Set(['any', 'source']);

/**
 * Reads one dist. The architecture follows the last dot, since releases have dots too; sets are separated by `+`.
 * `qubes…` is Qubes OS, `fedora…` and `fcN` are Fedora, anything else is a suite of a Debian archive, which may be an
 * operator's own.
 *
 * @throws DistError naming the part that is wrong and what may stand there
 */
export function parseDist(untrusted: unknown): Dist {
  const text = typeof untrusted === 'string' ? untrusted : '';
  if (text === '' || text.length > maxDistLength) {
    throw new DistError(
      'dist',
      text,
      `expected DISTRIBUTION[+SET]*.ARCH of at most ${maxDistLength} characters`,
    );
  }
  const dot = text.lastIndexOf('.');
  if (dot < 0) {
    throw new DistError(
      'architecture',
      text,
      'no architecture: expected one after the last dot, such as .amd64',
    );
  }
  const architecture = architectureOf(text, text.slice(dot + 1));
  const [distribution = '', ...sets] = text.slice(0, dot).split('+');
  const common = { text, distribution, sets: setsOf(text, sets), architecture };

  if (distribution.startsWith('qubes')) return { ...common, ...qubesOf(text, distribution) };
  if (distribution.startsWith('fedora') || /^fc\d+$/.test(distribution)) {
    return { ...common, project: 'fedora', release: fedoraRelease(text, distribution) };
  }
  return { ...common, project: 'debian', suite: suiteOf(text, distribution) };
}

/**
 * The folder of the publication that holds a dist's `sources/`, as upstream names it (`debian`,
 * `qubesos/deb/r4.3/vm`): a verifier's base URL ends with it.
 */
export function publishedFolder(dist: Dist): string {
  if (dist.project !== 'qubesos') return dist.project;
  const kind = dist.under.family === 'debian' ? 'deb' : 'rpm';
  return `qubesos/${kind}/r${dist.release}/${dist.domain}`;
}

function architectureOf(text: string, written: string): Architecture {
  const name = architectureAliases.get(written) ?? written;
  const expected = 'expected one such as amd64, arm64 or all after the last dot';
  if (!/^[a-z]/.test(name) || notArchitectures.has(name)) {
    throw new DistError('architecture', text, `architecture ${JSON.stringify(written)}: ${expected}`);
  }
  return parsed('architecture', text, `architecture ${JSON.stringify(written)}: ${expected}`, () =>
    parseArchitecture(name),
  );
}

function setsOf(text: string, sets: readonly string[]): readonly string[] {
  const wrong = sets.find((set) => !/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(set));
  if (wrong !== undefined || sets.length > maxSets) {
    throw new DistError(
      'set',
      text,
      wrong === undefined
        ? `more than ${maxSets} package sets`
        : `package set ${JSON.stringify(wrong)}: expected letters, digits, _ and -, such as +essential`,
    );
  }
  return sets.length === 0 ? ['full'] : [...new Set(sets)];
}

function qubesOf(text: string, distribution: string) {
  const match = /^qubes-(\d{1,3}(?:\.\d{1,3}){0,2})-(vm|dom0)-(.+)$/.exec(distribution);
  const [, release, domain, under] = match ?? [];
  if (release === undefined || under === undefined || (domain !== 'vm' && domain !== 'dom0')) {
    throw new DistError(
      'distribution',
      text,
      `distribution ${JSON.stringify(distribution)}: expected qubes-RELEASE-vm-NAME or qubes-RELEASE-dom0-NAME, ` +
        'such as qubes-4.3-vm-trixie',
    );
  }
  return { project: 'qubesos', release, domain, under: underlyingOf(text, under) } as const;
}

function underlyingOf(text: string, under: string): Underlying {
  if (under.startsWith('fedora') || /^fc\d+$/.test(under)) {
    return { family: 'fedora', release: fedoraRelease(text, under) };
  }
  return { family: 'debian', suite: suiteOf(text, under) };
}

function fedoraRelease(text: string, written: string): number {
  const release = /^(?:fedora-|fc)([1-9]\d{0,3})$/.exec(written)?.[1];
  if (release === undefined) {
    throw new DistError(
      'distribution',
      text,
      `distribution ${JSON.stringify(written)}: expected fedora-RELEASE or fcRELEASE, such as fedora-43`,
    );
  }
  return Number(release);
}

function suiteOf(text: string, written: string): Suite {
  return parsed(
    'distribution',
    text,
    `distribution ${JSON.stringify(written)}: expected a suite or codename such as bookworm, qubes-RELEASE-vm-NAME, or fedora-RELEASE`,
    () => parseSuite(written),
  );
}

function parsed<T>(part: DistPart, text: string, say: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NameError) throw new DistError(part, text, say, { cause: error });
    throw error;
  }
}
