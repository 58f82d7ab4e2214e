import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type DaemonRole, daemonRoles, isDaemonRole } from '../../lib/domain/roles.ts';
import { optionalRoles, uplinkRoles } from './roles.ts';

/** A line cannot be started as it was asked for: one sentence for people. */
export class LineError extends Error {
  override readonly name = 'LineError';
  constructor(
    readonly code: 'usage' | 'set-up' | 'died' | 'slow' | 'stopped',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface LineOptions {
  /** Holds everything of the line: sockets, states, logs. */
  readonly folder: string;
  readonly config: string;
  /** Caches that outlive the folder; below it by default. */
  readonly cache: string | undefined;
  /** The roles that run. */
  readonly roles: readonly DaemonRole[];
  /** The user id of a signing key that the vault makes if it has none; `@VAULT_KEY@` in the configuration is its fingerprint. */
  readonly makeKey: string | undefined;
  /** The folder of policy files, and that of `policy`, `services` and `rpc-config`; a checkout's own by default. */
  readonly policy: string | undefined;
  readonly qrexec: string | undefined;
  /** Which other hosts' rebuilders may call: a folder each, as `lib/contracts/hosts.ts` says; only where root starts the line. */
  readonly hosts: string | undefined;
  /** Of a host that joined another: the folder that says how to reach it. Then this line is a rebuilder and its disposables. */
  readonly uplink: string | undefined;
  /** How long each member has, once it is told to end, before it is killed. */
  readonly graceMs: number;
  /** A member that does not say for so long that it is well hangs, and is killed. */
  readonly watchdogMs: number;
  readonly disposable: Readonly<{ memoryBytes: number; scratchBytes: number; processes: number }>;
}

const usage =
  'usage: line --dir DIR --config FILE [--cache DIR] [--without ROLE,…] [--with webhook] [--policy DIR] [--qrexec DIR] [--hosts DIR] [--uplink DIR] [--make-key USER-ID] [--grace-seconds N] [--watchdog-seconds N] ' +
  '[--disposable-memory-mib N] [--disposable-scratch-mib N] [--disposable-processes N]';

const mebibyte = 1_048_576;
/** Of this machine's memory, where nothing else is asked for. */
const memoryShare = 0.9;
const scratchShare = 0.75;
const defaultProcesses = 16_384;
/** Enough to hand back what is held. */
const defaultGraceSeconds = 15;
/** As the units' `WatchdogSec=`. */
const defaultWatchdogSeconds = 120;

export function parseLineOptions(args: readonly string[]): LineOptions {
  const { values } = parse(args);
  // An empty name would be the folder we happen to be in.
  if (!values.dir || !values.config) throw new LineError('usage', usage);
  const mib = (text: string | undefined, fallback: number) =>
    text === undefined ? Math.floor(fallback) : positive(text, mebibyte);
  return {
    folder: resolve(values.dir),
    config: resolve(values.config),
    cache: values.cache === undefined ? undefined : resolve(values.cache),
    policy: values.policy === undefined ? undefined : resolve(values.policy),
    qrexec: values.qrexec === undefined ? undefined : resolve(values.qrexec),
    hosts: values.hosts === undefined ? undefined : resolve(values.hosts),
    uplink: values.uplink === undefined ? undefined : resolve(values.uplink),
    roles: values.uplink === undefined ? rolesOf(values.without ?? '', values.with ?? '') : uplinkRoles,
    makeKey: values['make-key'],
    graceMs: positive(values['grace-seconds'] ?? String(defaultGraceSeconds)) * 1_000,
    watchdogMs: positive(values['watchdog-seconds'] ?? String(defaultWatchdogSeconds)) * 1_000,
    disposable: {
      memoryBytes: mib(values['disposable-memory-mib'], totalmem() * memoryShare),
      scratchBytes: mib(values['disposable-scratch-mib'], totalmem() * scratchShare),
      processes: positive(values['disposable-processes'] ?? String(defaultProcesses)),
    },
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        dir: text,
        config: text,
        cache: text,
        without: text,
        with: text,
        policy: text,
        qrexec: text,
        hosts: text,
        uplink: text,
        'make-key': text,
        'grace-seconds': text,
        'watchdog-seconds': text,
        'disposable-memory-mib': text,
        'disposable-scratch-mib': text,
        'disposable-processes': text,
      },
    });
  } catch (error) {
    throw new LineError('usage', `${error instanceof Error ? error.message : String(error)}; ${usage}`);
  }
}

function rolesOf(without: string, also: string): readonly DaemonRole[] {
  const left = parseRoles('--without', without);
  const added = parseRoles('--with', also);
  return daemonRoles.filter((role) => !left.has(role) && (!optionalRoles.includes(role) || added.has(role)));
}

function parseRoles(option: string, text: string): ReadonlySet<DaemonRole> {
  const names = text.split(',').filter(Boolean);
  const unknown = names.find((name) => !isDaemonRole(name));
  if (unknown !== undefined)
    throw new LineError('usage', `${option}: found ${unknown}, expected a role's name`);
  return new Set(names.filter(isDaemonRole));
}

function positive(text: string, unit = 1): number {
  const number = /^\d+$/.test(text) ? Number(text) * unit : 0;
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new LineError('usage', `found ${text}, expected a number above 0`);
  }
  return number;
}
