import { ProgramError, run } from '../../lib/daemon/program.ts';
import {
  type Architecture,
  type BinaryName,
  type DebVersion,
  NameError,
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parseSourceName,
  type SourceName,
} from '../../lib/domain/names.ts';
import { CommandError } from '../errors.ts';

/** A binary package of one version, and the source that it was built from. */
export interface Package {
  readonly name: BinaryName;
  readonly version: DebVersion;
  readonly architecture: Architecture;
  readonly source: SourceName;
  readonly sourceVersion: DebVersion;
}

const timeoutMs = 60_000;
const maxOutput = 64 * 1_048_576;
const fields = ['db:Status-Status', 'Package', 'Version', 'Architecture', 'source:Package', 'source:Version'];
const format = `${fields.map((field) => `\${${field}}`).join('\t')}\n`;

/** The command's variables: dpkg and apt are told of those by which people point them at another system. */
type Env = Readonly<Record<string, string | undefined>>;

/** Every package that dpkg has installed here (dpkg-query(1)). */
export async function installedPackages(env: Env): Promise<readonly Package[]> {
  return await query([], env);
}

/**
 * The package that `NAME[:ARCH][=VERSION]` names: the one that is installed, or else what apt would install.
 *
 * @throws CommandError if neither knows it
 */
export async function packageNamed(text: string, env: Env): Promise<readonly Package[]> {
  const [, name, architecture, version] = /^([^:=]+)(?::([^=]+))?(?:=(.+))?$/.exec(text) ?? [];
  if (name === undefined) throw new CommandError(`${text}: expected NAME, NAME:ARCH or NAME=VERSION`);
  const pattern = architecture === undefined ? name : `${name}:${architecture}`;
  const installed = (await query([pattern], env)).filter(
    (one) => version === undefined || one.version === version,
  );
  if (installed.length > 0) return installed;
  return [await fromApt(text, version === undefined ? pattern : `${pattern}=${version}`, env)];
}

async function query(patterns: readonly string[], env: Env): Promise<readonly Package[]> {
  // Status 1: no package matches.
  const { stdout } = await ask(
    'dpkg-query',
    ['--show', '--showformat', format, '--', ...patterns],
    [0, 1],
    env,
  );
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('installed\t'))
    .map((line) => {
      const [, name, version, architecture, source, sourceVersion] = line.split('\t');
      return packageOf({ name, version, architecture, source, sourceVersion });
    });
}

async function fromApt(named: string, pattern: string, env: Env): Promise<Package> {
  const { stdout } = await ask('apt-cache', ['--no-all-versions', 'show', '--', pattern], [0, 100], env);
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, 'm').exec(stdout)?.[1];
  const version = field('Version');
  if (version === undefined) {
    throw new CommandError(
      `${named}: neither installed nor known to apt`,
      'apt update reads the lists again; NAME=VERSION names an older version.',
    );
  }
  const [, source = field('Package'), sourceVersion = version] =
    /^(\S+)(?: \(([^)]+)\))?$/.exec(field('Source') ?? '') ?? [];
  return packageOf({
    name: field('Package'),
    version,
    architecture: field('Architecture'),
    source,
    sourceVersion,
  });
}

function packageOf(untrusted: Readonly<Record<keyof Package, string | undefined>>): Package {
  try {
    return {
      name: parseBinaryName(untrusted.name),
      version: parseDebVersion(untrusted.version),
      architecture: parseArchitecture(untrusted.architecture),
      source: parseSourceName(untrusted.source),
      sourceVersion: parseDebVersion(untrusted.sourceVersion),
    };
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    throw new CommandError(`${untrusted.name} ${untrusted.version}: ${error.message}`);
  }
}

async function ask(program: string, args: readonly string[], expectCodes: readonly number[], env: Env) {
  const told = ['DPKG_ROOT', 'DPKG_ADMINDIR', 'APT_CONFIG'].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  try {
    const { stdout } = await run(program, args, {
      timeoutMs,
      maxOutput,
      expectCodes: [...expectCodes],
      env: Object.fromEntries(told),
    });
    return { stdout: stdout.toString('utf8') };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    throw new CommandError(`${program}: ${error.message}`, 'quorum asks the packages of a Debian machine.');
  }
}
