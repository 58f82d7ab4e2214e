import { closest } from '../lib/daemon/closest.ts';
import { configuredProxies, type Proxies } from '../lib/net/proxies.ts';
import type { Configuration } from './apt/configuration.ts';

/** What the method goes by: `APT::Intoto` as apt-transport-in-toto has it, and apt's own options about downloads. */
export interface Settings {
  /** Addresses below which rebuilders publish, as configured. */
  readonly rebuilders: readonly string[];
  /** The key ring with the layout owners' keys; gpg's default if there is none. */
  readonly gpgHomedir: string | undefined;
  readonly layout: string | undefined;
  /** The keys that must all have signed the layout. */
  readonly keyids: readonly string[];
  /** Least number that is written to standard error, as Python counts: 10 debug, 20 information, 30 warning, 40 error. */
  readonly logLevel: number;
  /** Whether a package without enough links is installed all the same. */
  readonly noFail: boolean;
  /** The user that apt's methods become; undefined if they stay who they are. */
  readonly sandboxUser: string | undefined;
  /** Milliseconds within which a rebuilder must have answered. */
  readonly timeoutMs: number;
  readonly proxies: Proxies;
  /** A file of the certificates to believe, PEM; the system's if there is none. */
  readonly certificatesFile: string | undefined;
  /** Where apt keeps the packages that it is about to install. */
  readonly archives: string;
}

export const levels = { debug: 10, info: 20, warning: 30, error: 40 } as const;

/** apt.conf(5): seconds, for http and https. */
const defaultTimeout = 30;
const maxTimeout = 86_400;

const known = ['Rebuilders', 'GPGHomedir', 'Layout', 'Keyids', 'LogLevel', 'NoFail'];

/**
 * @param env the variables that proxies go by
 * @returns the settings, and what is said about options that count for nothing
 */
export function readSettings(
  configuration: Configuration,
  env: Readonly<Record<string, string | undefined>>,
): { settings: Settings; notes: readonly string[] } {
  const notes: string[] = [];
  const own = (name: string) => `APT::Intoto::${name}`;
  for (const name of configuration.below('APT::Intoto')) {
    if (known.some((one) => one.toLowerCase() === name)) continue;
    notes.push(`${own(name)}: unknown option; is ${closest(name, known).map(own).join(' or ')} meant?`);
  }
  const noFail = configuration.last(own('NoFail'));
  if (noFail !== undefined && noFail !== 'true' && noFail !== 'false') {
    notes.push(`${own('NoFail')} "${noFail}": only "true" counts`);
  }
  const logLevel = configuration.last(own('LogLevel'));
  const level = /^\s*\d{1,9}\s*$/.test(logLevel ?? '') ? Number(logLevel) : undefined;
  if (logLevel !== undefined && level === undefined) {
    notes.push(`${own('LogLevel')} "${logLevel}": expected a number such as 10, 20 or 30; 20 is taken`);
  }
  const plain = configuration.plain();
  const user = configuration.last('APT::Sandbox::User') ?? '';
  return {
    notes,
    settings: {
      rebuilders: configuration.list(own('Rebuilders')),
      gpgHomedir: configuration.last(own('GPGHomedir')) || undefined,
      layout: configuration.last(own('Layout')) || undefined,
      keyids: configuration.list(own('Keyids')),
      logLevel: level ?? levels.info,
      noFail: noFail === 'true',
      sandboxUser: user === '' || user === 'root' ? undefined : user,
      timeoutMs: 1_000 * seconds(plain.get('acquire::http::timeout')),
      proxies: configuredProxies(plain, env),
      certificatesFile: plain.get('acquire::https::cainfo') || undefined,
      archives: configuration.folder('Dir::Cache::archives'),
    },
  };
}

function seconds(value: string | undefined): number {
  const given = /^\d{1,6}$/.test(value ?? '') ? Number(value) : 0;
  return given > 0 ? Math.min(given, maxTimeout) : defaultTimeout;
}
