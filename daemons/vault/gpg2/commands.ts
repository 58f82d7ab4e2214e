/**
 * Which gpg-agent commands a caller of `qubes.Gpg2` may send, and what it hears: of those that split-gpg2 lets through,
 * what signing needs (splitgpg2/__init__.py, `default_commands`). Decrypting, and making or reading keys, is not among them.
 */

export type Verdict =
  /** Passed on: over the agent's restricted socket, or, to list keys, its full one. */
  | Readonly<{ act: 'ask'; line: string; full: boolean; key?: string; digest?: string; signs?: true }>
  /** Answered without the agent. */
  | Readonly<{ act: 'answer'; line: string }>
  | Readonly<{ act: 'end' }>;

/** A command that is not passed on: the caller hears it, and the connection is closed. */
export class FilteredCommand extends Error {
  override readonly name = 'FilteredCommand';
  readonly code = 'filtered';
  constructor(line: string) {
    super(`filtered: ${JSON.stringify(line.slice(0, 80))}`);
  }
}

/** GPG_ERR_USER_1 of GPG_ERR_SOURCE_GPGAGENT, in the real server's words. */
export const filteredAnswer = 'ERR 67109888 Command filtered by split-gpg2.';

const ok = 'OK';
const unknownCommand = 'ERR 67109139 unknown IPC command';
const noSmartCards = 'ERR 67108983 No SmartCard daemon';

/** Options that say something of the caller's terminal: taken, and not passed on. */
const fakedOptions: ReadonlySet<string> = new Set([
  'ttyname',
  'ttytype',
  'display',
  'lc-ctype',
  'lc-messages',
  'putenv',
  'allow-pinentry-notify',
]);

/** Hexadecimal digits of a digest, by OpenPGP's number of its algorithm. */
const digestLengths: Readonly<Record<string, number>> = { 2: 40, 3: 40, 8: 64, 9: 96, 10: 128, 11: 56 };

const keygrip = /^[0-9A-F]{40}$/;
const maxKeygrips = 200;

/** libassuan's ASSUAN_LINELENGTH, without the line feed as split-gpg2 counts it. */
const maxLineBytes = 1_002;

/**
 * @param untrusted a line, not empty
 * @throws FilteredCommand
 */
export function judgeCommand(untrusted: string): Verdict {
  if (untrusted.length > maxLineBytes) throw new FilteredCommand(untrusted);
  const space = untrusted.indexOf(' ');
  const command = space < 0 ? untrusted : untrusted.slice(0, space);
  const args = space < 0 ? undefined : untrusted.slice(space + 1);
  const verdict = Object.hasOwn(commands, command) ? commands[command]?.(args) : undefined;
  if (verdict === undefined) throw new FilteredCommand(untrusted);
  return verdict;
}

type Judge = (args: string | undefined) => Verdict | undefined;

const commands: Readonly<Record<string, Judge>> = {
  RESET: (args) => (args === undefined ? ask('RESET') : undefined),
  BYE: (args) => (args === undefined ? { act: 'end' } : undefined),
  NOP: () => answer(ok),
  AGENT_ID: () => answer(unknownCommand),
  SCD: (args) => (args === 'SERIALNO openpgp' || args === 'SERIALNO' ? answer(noSmartCards) : undefined),
  GETINFO: (args) =>
    args === 'version' || args === 'restricted' || args === 's2k_count' ? ask(`GETINFO ${args}`) : undefined,
  OPTION: option,
  HAVEKEY: (args) => keys('HAVEKEY', args, maxKeygrips),
  KEYINFO: (args) => keys('KEYINFO', args, 1),
  SIGKEY: (args) => chosenKey('SIGKEY', args),
  SETKEY: (args) => chosenKey('SETKEY', args),
  SETKEYDESC: () => answer(ok),
  SETHASH: digest,
  PKSIGN: (args) =>
    args === undefined || /^-- [0-9A-F]{24}$/.test(args)
      ? { ...ask(args === undefined ? 'PKSIGN' : `PKSIGN ${args}`), signs: true }
      : undefined,
};

function ask(line: string, full = false): Extract<Verdict, { act: 'ask' }> {
  return { act: 'ask', line, full };
}

function answer(line: string): Verdict {
  return { act: 'answer', line };
}

function option(args: string | undefined): Verdict | undefined {
  if (args === undefined) return undefined;
  if (args === 'pinentry-mode=ask') return answer(ok);
  if (args === 'agent-awareness=2.1.0') return ask(`OPTION ${args}`);
  const [name = ''] = args.split('=', 1);
  if (name === 'pinentry-mode') return answer('ERR 67108924 Not supported <GPG Agent>');
  return fakedOptions.has(name) ? answer(ok) : undefined;
}

function keys(command: string, args: string | undefined, most: number): Verdict | undefined {
  if (args === undefined) return undefined;
  if (/^--list(?:=(?:[1-9]\d{0,2}|1000))?$/.test(args)) return ask(`${command} ${args}`, true);
  const named = args.split(' ');
  return named.length <= most && named.every((one) => keygrip.test(one))
    ? ask(`${command} ${args}`)
    : undefined;
}

function chosenKey(command: string, args: string | undefined): Verdict | undefined {
  if (args === undefined || !keygrip.test(args)) return undefined;
  return { ...ask(`${command} ${args}`), key: args };
}

function digest(args: string | undefined): Verdict | undefined {
  const [, algorithm = '', hash = ''] = /^([1-9]\d{0,2}) ([0-9A-F]+)$/.exec(args ?? '') ?? [];
  if (digestLengths[algorithm] !== hash.length) return undefined;
  return { ...ask(`SETHASH ${algorithm} ${hash}`), digest: `${algorithm}:${hash.toLowerCase()}` };
}
