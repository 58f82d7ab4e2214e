import { type Dist, type Project, projects } from '../domain/dist.ts';
import { closest } from './closest.ts';
import { ConfigError, type ConfigFile, readConfigFile } from './config-file.ts';
import { escapeText } from './escape-text.ts';
import { defaultSection } from './ini.ts';
import { type Key, type KeyName, type Keys, keys, type Place, type Role } from './keys.ts';
import { ValueError } from './values.ts';

export { ConfigError } from './config-file.ts';

type Entry<K extends KeyName> = Keys[K];
type ValueOf<K extends KeyName> = Entry<K> extends Key<infer T, infer _R, infer _P> ? T : never;
type ReaderOf<K extends KeyName> = Entry<K> extends Key<infer _T, infer R, infer _P> ? R : never;
type PlaceOf<K extends KeyName> = Entry<K> extends Key<infer _T, infer _R, infer P> ? P : never;

/** The values that a role may read, of the keys that stand in such a place. */
export type Values<R extends Role, P extends Place> = {
  readonly [K in KeyName as R extends ReaderOf<K> ? (PlaceOf<K> extends P ? K : never) : never]: ValueOf<K>;
};

/** What one role may know of rebuilder.conf. */
export interface RoleConfig<R extends Role> {
  readonly role: R;
  /** The files that were read. */
  readonly files: readonly string[];
  readonly celery: Values<R, 'celery'>;
  /** [common], without what a project says otherwise. */
  readonly common: Values<R, 'project'>;
  readonly projects: Readonly<Record<Project, Values<R, 'project' | 'dist'>>>;
  /** One line each: what was understood and will not be done. */
  readonly warnings: readonly string[];
}

export interface ConfigSource {
  /** Later files win; at least one must exist. */
  readonly paths: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

const usualPaths = [
  '/etc/package-rebuilder/rebuilder.conf',
  '/rw/config/package-rebuilder/rebuilder.conf',
] as const;

/** $PACKAGE_REBUILDER_CONF alone if it is set, else the package's file and then the qube's own. */
export function configPaths(env: ConfigSource['env']): readonly string[] {
  const named = env.PACKAGE_REBUILDER_CONF;
  return named === undefined || named === '' ? usualPaths : [named];
}

/** Reads what a role may know. The whole file is checked, whoever reads it. Throws a `ConfigError`. */
export function loadConfig<R extends Role>(role: R, source: ConfigSource): RoleConfig<R> {
  const files = source.paths.map(readConfigFile).filter((file) => file !== undefined);
  if (files.length === 0) {
    throw new ConfigError(source.paths.join(' and '), undefined, '', 'no such file', 'a rebuilder.conf');
  }
  const reader = new Reader(files, source.env);
  reader.check();
  const common = reader.values(role, ['common'], ['project']);
  const perProject = projects.map((project) => [
    project,
    { ...reader.values(role, [project, 'common'], ['project']), ...reader.dists(role, project) },
  ]);
  return {
    role,
    files: files.map(({ path }) => path),
    celery: reader.values(role, ['celery'], ['celery']),
    common,
    projects: Object.fromEntries(perProject),
    warnings: [...reader.warnings],
  } as unknown as RoleConfig<R>;
}

interface Found {
  readonly file: string;
  readonly line: number | undefined;
  readonly section: string;
  readonly name: string;
  readonly text: string;
}

const sections = [defaultSection, 'celery', 'common', ...projects] as const;

function allowedIn(section: string, place: Place): boolean {
  if (section === defaultSection) return true;
  if (section === 'celery') return place === 'celery';
  return place === 'project' || place === 'dist';
}

const allKeys: readonly Key<unknown, Role, Place>[] = Object.values(keys);

class Reader {
  readonly warnings = new Set<string>();
  readonly #files: readonly ConfigFile[];
  readonly #env: ConfigSource['env'];

  constructor(files: readonly ConfigFile[], env: ConfigSource['env']) {
    this.#files = files;
    this.#env = env;
  }

  /** Every section and key known, every value good. */
  check(): void {
    for (const { path, sections: found } of this.#files) {
      for (const [section, { line, options }] of found) {
        if (!(sections as readonly string[]).includes(section)) {
          const expected = closest(section, sections).map((name) => `[${name}]`);
          throw new ConfigError(path, line, `[${section}]`, 'an unknown section', expected.join(' or '));
        }
        for (const [name, { line, value }] of options) {
          parseFound(keyFor(path, line, section, name), { file: path, line, section, name, text: value });
        }
      }
    }
  }

  /** The values of a role's keys in these places, looked up in these sections, then in [DEFAULT]. */
  values(role: Role, where: readonly string[], places: readonly Place[]): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const [property, key] of Object.entries(keys) as [string, Key<unknown, Role, Place>][]) {
      if (!key.readers.includes(role) || !places.includes(key.place)) continue;
      const found = this.#find(key, [...where, defaultSection]);
      values[property] = found === undefined ? this.#fallback(key) : this.#parsed(key, found);
    }
    return values;
  }

  /** A project's own dists; those of [DEFAULT], where all projects' stand together, are told apart by their names. */
  dists(role: Role, project: Project): Record<string, unknown> {
    const key: Key<readonly Dist[], Role, Place> = keys.dists;
    if (!key.readers.includes(role)) return {};
    const ignored = this.#find(key, ['common']);
    if (ignored !== undefined) {
      this.warnings.add(
        `${ignored.file}:${ignored.line}: dist: ignored in [common], expected in a project's section`,
      );
    }
    const own = this.#find(key, [project]);
    if (own !== undefined) {
      const parsed = parseFound(key, own);
      const stray = parsed.find((dist) => dist.project !== project);
      if (stray !== undefined) {
        throw new ConfigError(
          own.file,
          own.line,
          own.name,
          `${stray.text} in [${project}]`,
          `it in [${stray.project}]`,
        );
      }
      return { dists: parsed };
    }
    const shared = this.#find(key, [defaultSection]);
    const parsed = shared === undefined ? [] : parseFound(key, shared);
    return { dists: parsed.filter((dist) => dist.project === project) };
  }

  #find(key: Key<unknown, Role, Place>, where: readonly string[]): Found | undefined {
    for (const section of where) {
      for (const name of key.names) {
        for (const { path, sections: found } of this.#files.toReversed()) {
          const option = found.get(section)?.options.get(name);
          if (option !== undefined)
            return { file: path, line: option.line, section, name, text: option.value };
        }
      }
    }
    return undefined;
  }

  #parsed(key: Key<unknown, Role, Place>, found: Found): unknown {
    if (/^(amqps?|db\+[a-z]+):/.test(found.text)) {
      const kind = found.text.split(':', 1)[0];
      this.warnings.add(
        `${found.file}:${found.line}: ${found.name}: ${kind}: is of the seed's first year and not used`,
      );
    }
    return parseFound(key, found);
  }

  #fallback(key: Key<unknown, Role, Place>): unknown {
    const text = key.variable === undefined ? undefined : this.#env[key.variable];
    if (text === undefined || text === '') return key.fallback;
    return parseFound(key, {
      file: 'the environment',
      line: undefined,
      section: '',
      name: key.variable ?? '',
      text,
    });
  }
}

function keyFor(file: string, line: number, section: string, name: string): Key<unknown, Role, Place> {
  const key = allKeys.find((known) => known.names.includes(name));
  if (key !== undefined && allowedIn(section, key.place)) return key;
  if (key !== undefined) {
    throw new ConfigError(
      file,
      line,
      name,
      `it in [${section}]`,
      key.place === 'celery' ? 'it in [celery]' : 'it in [common] or a project',
    );
  }
  const names = allKeys.filter((known) => allowedIn(section, known.place)).map((known) => known.names[0]);
  throw new ConfigError(
    file,
    line,
    name,
    `an unknown key in [${section}]`,
    closest(name, names).join(' or '),
  );
}

/** An empty value is a value not set. */
function parseFound<T>(key: Key<T, Role, Place>, found: Found): T {
  if (found.text === '') return key.fallback;
  try {
    return key.parse(found.text);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    const shown = `"${escapeText(found.text, 120)}"`;
    throw new ConfigError(found.file, found.line, found.name, shown, error.expected, { cause: error });
  }
}
