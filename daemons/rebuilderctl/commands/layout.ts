import type { Command } from 'commander';
import { parseUtcTime } from '../../lib/domain/date.ts';
import { buildLayout, type Layout } from '../../lib/domain/layout.ts';
import { type Fingerprint, parseFingerprint } from '../../lib/domain/names.ts';
import { checkLayout } from '../../lib/layout/check.ts';
import { advice } from '../../lib/layout/findings.ts';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { CommandError, exitCodes } from '../errors.ts';
import {
  type AddKeyOptions,
  addKey,
  type RemoveKeyOptions,
  rebuilderKeys,
  removeKey,
} from '../layout/change-file.ts';
import { layoutText, readLayout, signBy } from '../layout/document.ts';
import { defaultExpiry, parseExpiry } from '../layout/expiry.ts';
import { readNamedKey } from '../layout/keys.ts';
import { fresh, gpgOf, inPlaceOf, type Options, signing, type WriteOptions } from '../layout/options.ts';
import { deliverLayout, linesOf, outlineOf, refuseUnloadable, reportOf } from '../layout/report.ts';

interface InitOptions extends WriteOptions {
  readonly rebuilderKey: readonly string[];
  readonly threshold: number;
  readonly expires?: string;
  readonly readme?: string;
}
interface CheckOptions extends Options {
  readonly ownerKey?: readonly string[];
  readonly rebuilderKey?: readonly string[];
}

const whenHelp = 'a time, a day, or 90d, 8w, 6m, 1y from now (default: 1m, as in-toto has it)';
const keyHelp = 'a full fingerprint or a file; may be given again';
const writeHelp = `
KEY is a full fingerprint in gpg's key ring or a file with the public key. The variable GNUPG may name another program than
gpg, such as qubes-gpg-client-wrapper. A file is written whole or not at all; what is still to be done is told with it.
Exit codes: 0 written; 2 not: nothing was changed.`;

export function addLayout(program: Command, context: Context): void {
  const command = program
    .command('layout')
    .description('the document by which apt knows whose rebuilds to believe');
  writing(
    command
      .command('init')
      .description('make a root layout')
      .requiredOption('--rebuilder-key <KEY...>', "rebuilders' public keys, most trusted first", collect)
      .option('--threshold <N>', 'how many of them must have made the same files', wholeNumber, 1)
      .option('--expires <WHEN>', whenHelp)
      .option('--readme <TEXT>', 'a note for whoever reads it')
      .option('-o, --output <FILE>', 'where to write it (default: standard output)'),
  ).action((options: InitOptions) => init(context, options));
  inPlace(
    command
      .command('add-key')
      .description('have a layout believe more rebuilders, or renewed keys')
      .option('--rebuilder-key <KEY>', `a rebuilder's public key, ${keyHelp}`, collect)
      .option('--threshold <N>', 'how many rebuilders must have made the same files now', wholeNumber),
  ).action((file: string, options: AddKeyOptions) => addKey(context, file, options));
  inPlace(
    command
      .command('remove-key')
      .description('have a layout no longer believe rebuilders')
      .option('--threshold <N>', 'how many rebuilders must have made the same files now', wholeNumber),
  )
    .argument('<FINGERPRINT...>', 'of the primary keys that are to go', fingerprints)
    .action((file: string, keys: readonly Fingerprint[], options: RemoveKeyOptions) =>
      removeKey(context, file, keys, options),
    );
  inPlace(
    command
      .command('sign')
      .description("sign a layout with its owner's key")
      .option('-a, --append', 'keep the signatures of other keys'),
  ).action((file: string, options: WriteOptions & { append?: true }) => sign(context, file, options));
  inPlace(
    command
      .command('renew')
      .description('give a layout a new expiry and sign it')
      .option('--expires <WHEN>', whenHelp),
  ).action((file: string, options: WriteOptions & { expires?: string }) => renew(context, file, options));
  command
    .command('check')
    .description('find what keeps a layout from being believed or satisfied, today and within 60 days')
    .argument('<FILE>')
    .option('--owner-key <KEY>', `a key whose signature clients will ask for, ${keyHelp}`, collect)
    .option('--rebuilder-key <KEY>', `a key to compare the layout's copy with, ${keyHelp}`, collect)
    .option('--gpg-home <DIR>', 'the GnuPG home with these public keys (default: your own)')
    .option('--json', 'one object')
    .addHelpText(
      'after',
      `\nExit codes: 0 nothing to do; 1 something to do; 2 it, or a key, cannot be read.
Findings, each with what to do: ${Object.keys(advice).join(' ')}.`,
    )
    .action((file: string, options: CheckOptions) => check(context, file, options));
}

function writing(command: Command): Command {
  return command
    .option('--owner-key <FINGERPRINT>', 'sign it with this key; may be given again', fingerprints)
    .option('--gpg-home <DIR>', 'the GnuPG home with the keys (default: your own)')
    .option('--force', 'replace the file that --output names')
    .option('--json', 'tell what was written as one object')
    .addHelpText('after', writeHelp);
}

function inPlace(command: Command): Command {
  return writing(command)
    .argument('<FILE>', 'is replaced, unless --output names another')
    .option('-o, --output <FILE>', 'write it there instead');
}

async function init(context: Context, options: InitOptions): Promise<void> {
  const { clock, terminal } = context;
  const now = clock.now();
  if (options.json && options.output === undefined) {
    throw new CommandError('--json tells of a file: name it with --output');
  }
  const layout = buildLayout({
    rebuilders: await rebuilderKeys(context, options.rebuilderKey, options),
    threshold: options.threshold,
    expires: options.expires === undefined ? defaultExpiry(now) : parseExpiry(options.expires, now),
    ...(options.readme === undefined ? {} : { readme: options.readme }),
  });
  refuseUnloadable(layout);
  const signed = await signBy(layout, [], signing(context, options));
  if (options.output === undefined) terminal.print(layoutText(signed.document));
  else await deliverLayout(context, options.output, signed, fresh(options));
}

async function sign(
  context: Context,
  file: string,
  options: WriteOptions & { append?: true },
): Promise<void> {
  const now = context.clock.now();
  const { signed: layout, signatures } = await readLayout(file, now);
  ownersOf(options);
  if ((parseUtcTime(layout.expires) ?? 0) <= now) {
    throw new CommandError(
      `${file}: expired on ${layout.expires}: nobody would believe it, signed or not`,
      'Give it a new expiry and sign it: rebuilderctl layout renew FILE --expires 1y --owner-key FPR.',
    );
  }
  const kept = options.append ? signatures : [];
  const signed = await signBy(layout, kept, signing(context, options));
  await deliverLayout(context, options.output ?? file, signed, inPlaceOf(file, options, signatures));
}

async function renew(
  context: Context,
  file: string,
  options: WriteOptions & { expires?: string },
): Promise<void> {
  const now = context.clock.now();
  ownersOf(options);
  const { signed: before, signatures } = await readLayout(file, now);
  const expires = options.expires === undefined ? defaultExpiry(now) : parseExpiry(options.expires, now);
  const layout: Layout = { ...before, expires };
  const signed = await signBy(layout, [], signing(context, options));
  await deliverLayout(context, options.output ?? file, signed, inPlaceOf(file, options, signatures));
}

async function check(context: Context, file: string, options: CheckOptions): Promise<void> {
  const { clock, env, terminal } = context;
  const now = clock.now();
  const gpg = gpgOf(env, options);
  const { signed: layout, signatures } = await readLayout(file, now);
  const named = (keys: readonly string[] = []) => Promise.all(keys.map((key) => readNamedKey(key, gpg, now)));
  const owners = (await named(options.ownerKey)).map(({ key }) => key);
  const rebuilders = await named(options.rebuilderKey);
  const findings = checkLayout({ layout, signatures, owners, rebuilders, now });
  const report = reportOf(file, layout, signatures, findings);
  if (options.json) terminal.json(report);
  else {
    terminal.print(`${file}: ${outlineOf(report)}`);
    for (const line of report.findings.flatMap(linesOf)) terminal.print(line);
    if (owners.length === 0 && signatures.length > 0) {
      terminal.note('No signature was verified: name the keys that clients ask for with --owner-key.');
    }
  }
  if (findings.length > 0) context.exit(exitCodes.no);
}

function ownersOf({ ownerKey }: WriteOptions): void {
  if (ownerKey === undefined) {
    throw new CommandError('who signs it? Name the owner: --owner-key FINGERPRINT');
  }
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new CommandError(`found ${JSON.stringify(text)}, expected a whole number of at least 1`);
  }
  return Number(text);
}

function fingerprints(text: string, before: readonly Fingerprint[] = []): readonly Fingerprint[] {
  return [...before, parseFingerprint(text.replaceAll(' ', ''))];
}
