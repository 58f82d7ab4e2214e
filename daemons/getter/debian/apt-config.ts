import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Keyring } from '../../lib/archive/keyring.ts';
import { ProgramError, run } from '../../lib/daemon/program.ts';
import { configuredProxies, type Proxies } from '../../lib/net/proxies.ts';

/** What the host's apt is configured to: paths, keys it trusts by itself, checks, proxies. */
export type AptConfig = Readonly<{
  architecture: string;
  sourceList: string;
  sourceParts: string;
  trusted: readonly Keyring[];
  checkValidUntil: boolean;
  checkDate: boolean;
  proxies: Proxies;
  /** Certificates for https, if apt has its own. */
  certificatesFile: string | null;
}>;

const timeoutMs = 20_000;
const paths = {
  SOURCES: 'Dir::Etc::sourcelist/f',
  PARTS: 'Dir::Etc::sourceparts/d',
  TRUSTED: 'Dir::Etc::trusted/f',
  TRUSTED_PARTS: 'Dir::Etc::trustedparts/d',
} as const;

/**
 * Asks apt-config, which reads apt.conf, its parts and $APT_CONFIG as apt does.
 *
 * @param env the variables that apt and proxies go by: APT_CONFIG, http_proxy, https_proxy, no_proxy
 * @throws ProgramError if there is no apt
 */
export async function readAptConfig(env: Readonly<Record<string, string | undefined>>): Promise<AptConfig> {
  const given = env.APT_CONFIG === undefined ? {} : { APT_CONFIG: env.APT_CONFIG };
  const ask = (...args: string[]) => run('apt-config', args, { timeoutMs, env: given });
  const [shell, dump] = await Promise.all([ask('shell', ...Object.entries(paths).flat()), ask('dump')]);
  const found = parseShell(shell.stdout.toString('utf8'));
  const options = parseDump(dump.stdout.toString('utf8'));
  const checkDate = isOn(options.get('acquire::check-date'));
  return {
    architecture: options.get('apt::architecture') ?? 'amd64',
    sourceList: found.get('SOURCES') ?? '/etc/apt/sources.list',
    sourceParts: found.get('PARTS') ?? '/etc/apt/sources.list.d/',
    trusted: await trustedKeys(found.get('TRUSTED') ?? '', found.get('TRUSTED_PARTS') ?? ''),
    checkValidUntil: checkDate && isOn(options.get('acquire::check-valid-until')),
    checkDate,
    proxies: configuredProxies(options, env),
    certificatesFile: options.get('acquire::https::cainfo') || null,
  };
}

/** Whether the host has apt at all: without it, everything must come from our own configuration. */
export function isWithoutApt(error: unknown): boolean {
  return error instanceof ProgramError && error.code === 'missing';
}

/** `NAME='value'` lines; a quote inside is written `'\''`. */
function parseShell(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)='(.*)'$/.exec(line);
    if (match !== null) values.set(match[1] as string, (match[2] as string).replaceAll("'\\''", "'"));
  }
  return values;
}

/** `Name::Of::Option "value";` lines, by lower-cased name; apt's options know no case. */
export function parseDump(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^(\S+) "(.*)";$/.exec(line);
    if (match !== null) values.set((match[1] as string).toLowerCase(), match[2] as string);
  }
  return values;
}

/** apt's booleans; what is absent or none of them is the default, here always yes. */
function isOn(value: string | undefined): boolean {
  return !['no', 'false', 'without', 'off', 'disable', '0'].includes((value ?? '').toLowerCase());
}

async function trustedKeys(file: string, parts: string): Promise<readonly Keyring[]> {
  const names = await readdir(parts).catch(() => []);
  const inParts = names.filter((name) => /\.(?:gpg|asc)$/.test(name)).sort();
  const keys: Keyring[] = inParts.map((name) => ({ file: join(parts, name) }));
  const single = file === '' ? Buffer.alloc(0) : await readFile(file).catch(() => Buffer.alloc(0));
  return single.length > 0 ? [{ file }, ...keys] : keys;
}
