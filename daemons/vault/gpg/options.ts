/** Which gpg command lines the vault runs: of those that split GPG allows, what an attester needs (facts: split-gpg). */

/** A command line that is not run, in the words of the real server where it has any. */
export class RefusedCommand extends Error {
  override readonly name = 'RefusedCommand';
  readonly code = 'refused';
}

export type GpgCommand =
  | Readonly<{ action: 'sign'; key: string; args: readonly string[] }>
  | Readonly<{ action: 'export' | 'version'; args: readonly string[] }>;

type Option = 'sign' | 'export' | 'version' | 'armor' | 'batch' | 'quiet' | 'user' | 'digest' | 'output';

const shortOptions: Readonly<Record<string, Option>> = {
  a: 'armor',
  b: 'sign',
  o: 'output',
  q: 'quiet',
  u: 'user',
};
const longOptions: Readonly<Record<string, Option>> = {
  armor: 'armor',
  batch: 'batch',
  'detach-sign': 'sign',
  'digest-algo': 'digest',
  export: 'export',
  'local-user': 'user',
  output: 'output',
  quiet: 'quiet',
  version: 'version',
};
const withValue: ReadonlySet<Option> = new Set(['user', 'digest', 'output']);

interface Seen {
  readonly options: Map<Option, string>;
  /** What follows the options. */
  readonly rest: readonly string[];
}

/**
 * Reads the arguments as getopt_long(3) does with a leading `+`, and decides.
 *
 * @throws RefusedCommand
 */
export function parseCommand(untrustedArgs: readonly string[]): GpgCommand {
  const { options, rest } = readOptions(untrustedArgs);
  // The client's wrapper turns `--output FILE` into this and a redirect of its own.
  if ((options.get('output') ?? '-') !== '-') {
    throw new RefusedCommand("Only '-' argument supported for --output option");
  }
  const actions = (['sign', 'export', 'version'] as const).filter((one) => options.has(one));
  const [action] = actions;
  if (action === undefined || actions.length !== 1) throw new RefusedCommand('conflicting commands');
  const common = options.has('armor') ? ['--armor'] : [];
  if (action === 'version') return { action, args: ['--version'] };
  if (action === 'export') {
    if (rest.length === 0) throw new RefusedCommand('ERROR: --export needs full fingerprints');
    return { action, args: [...common, '--export', ...rest.map(fullFingerprint)] };
  }
  if (rest.length > 1 || (rest[0] ?? '-') !== '-') {
    throw new RefusedCommand('ERROR: Non-option arguments not allowed');
  }
  const key = fullFingerprint(options.get('user') ?? '');
  const digest = options.get('digest') ?? 'SHA256';
  if (digest.toUpperCase() !== 'SHA256') throw new RefusedCommand(`ERROR: --digest-algo must be SHA256`);
  return { action, key, args: [...common, '--digest-algo', 'SHA256', '--local-user', key, '--detach-sign'] };
}

function readOptions(args: readonly string[]): Seen {
  const options = new Map<Option, string>();
  let at = 0;
  const next = (what: string): string => {
    const value = args[at];
    if (value === undefined) throw new RefusedCommand(`ERROR: ${what} needs an argument`);
    at += 1;
    return value;
  };
  while (at < args.length) {
    const arg = args[at] ?? '';
    if (arg === '--') return { options, rest: args.slice(at + 1) };
    if (!arg.startsWith('-') || arg === '-') break;
    at += 1;
    if (arg.startsWith('--')) readLong(arg, options, next);
    else readShort(arg, options, next);
  }
  const rest = args.slice(at);
  if (rest.some((arg) => arg.startsWith('-') && arg !== '-')) {
    throw new RefusedCommand(
      'Non-option arguments must not start with \'-\', unless preceeded by "--"\n' +
        'to mark the end of options.  As an exception, the literal string "-" of length 1 is allowed.',
    );
  }
  return { options, rest };
}

function readLong(arg: string, options: Map<Option, string>, next: (what: string) => string): void {
  const equals = arg.indexOf('=');
  const name = arg.slice(2, equals < 0 ? undefined : equals);
  const option = Object.hasOwn(longOptions, name) ? longOptions[name] : undefined;
  if (option === undefined) {
    const whole = Object.keys(longOptions).filter((one) => name !== '' && one.startsWith(name));
    if (whole.length === 1) {
      throw new RefusedCommand(`Abbreviated option '--${name}' must be written as '--${whole[0]}'`);
    }
    throw new RefusedCommand(`Forbidden option: --${name}`);
  }
  if (withValue.has(option)) options.set(option, equals < 0 ? next(`--${name}`) : arg.slice(equals + 1));
  else if (equals >= 0) throw new RefusedCommand(`ERROR: --${name} takes no argument`);
  else options.set(option, '');
}

function readShort(arg: string, options: Map<Option, string>, next: (what: string) => string): void {
  for (let i = 1; i < arg.length; i++) {
    const letter = arg.charAt(i);
    const option = Object.hasOwn(shortOptions, letter) ? shortOptions[letter] : undefined;
    if (option === undefined) throw new RefusedCommand(`Forbidden option: -${letter}`);
    if (withValue.has(option)) {
      options.set(option, i + 1 < arg.length ? arg.slice(i + 1) : next(`-${letter}`));
      return;
    }
    options.set(option, '');
  }
}

/** Keys go by full fingerprint alone (DESIGN §7); gpg's `!` for the very subkey is allowed. */
function fullFingerprint(text: string): string {
  if (!/^(?:0x)?[0-9A-Fa-f]{40}!?$/.test(text)) {
    throw new RefusedCommand('ERROR: a key must be named by its full fingerprint');
  }
  return text;
}
