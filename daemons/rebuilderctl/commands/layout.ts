import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { buildLayout, parseLayout } from '../../lib/domain/layout.ts';
import {
  formatMetablock,
  type JsonObject,
  maxMetablockBytes,
  parseMetablock,
} from '../../lib/domain/metablock.ts';
import { type Fingerprint, parseFingerprint } from '../../lib/domain/names.ts';
import { dearmor, maxArmored } from '../../lib/openpgp/armor.ts';
import { exportPublicKey, gpgSigner } from '../../lib/openpgp/gpg.ts';
import { readPublicKey } from '../../lib/openpgp/public-key.ts';
import { layoutTime, signLayout } from '../../lib/openpgp/sign.ts';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { readCapped } from '../read-file.ts';

interface InitOptions {
  readonly key: readonly string[];
  readonly threshold: number;
  readonly days: number;
  readonly expires?: string;
  readonly readme?: string;
  readonly output?: string;
}

interface SignOptions {
  readonly owner: Fingerprint;
  readonly gpgHome?: string;
  readonly output?: string;
}

const dayMs = 86_400_000;
const maxDays = 36_500;

export function addLayout(program: Command, context: Context): void {
  const command = program
    .command('layout')
    .description('the document by which apt knows whose rebuilds to believe');
  command
    .command('init')
    .description('make a root layout, not yet signed')
    .requiredOption('--key <FILE>', "a rebuilder's public key, armoured or not; may be given again", collect)
    .option('--threshold <N>', 'how many of them must have made the same files', wholeNumber, 1)
    .option('--days <N>', 'how long it is valid', wholeNumber, 365)
    .option('--expires <TIME>', 'instead of --days: YYYY-MM-DDTHH:MM:SSZ')
    .option('--readme <TEXT>', 'a note for whoever reads it')
    .option('-o, --output <FILE>', 'where to write it (default: standard output)')
    .action((options: InitOptions) => init(context, options));
  command
    .command('sign')
    .description("sign a layout with its owner's key, in place")
    .argument('<FILE>')
    .requiredOption('--owner <FINGERPRINT>', "the owner's key, in full", fingerprint)
    .option('--gpg-home <DIR>', 'the GnuPG home with its private part (default: your own)')
    .option('-o, --output <FILE>', 'write it there instead')
    .addHelpText('after', '\nThe variable GNUPG may name another program, such as qubes-gpg-client-wrapper.')
    .action((file: string, options: SignOptions) => sign(context, file, options));
}

async function init({ clock, terminal }: Context, options: InitOptions): Promise<void> {
  const rebuilders = await Promise.all(
    options.key.map(async (path) => readPublicKey(dearmor(await readCapped(path, maxArmored)))),
  );
  if (options.days > maxDays)
    throw new CommandError(`--days: found ${options.days}, expected at most ${maxDays}`);
  const layout = buildLayout({
    rebuilders,
    threshold: options.threshold,
    expires: options.expires ?? layoutTime(clock.now() + options.days * dayMs),
    ...(options.readme === undefined ? {} : { readme: options.readme }),
  });
  const text = formatMetablock({ signatures: [], signed: layout as unknown as JsonObject });
  if (options.output === undefined) terminal.print(text);
  else await writeFile(options.output, text);
}

async function sign({ clock, env, stop }: Context, file: string, options: SignOptions): Promise<void> {
  const { untrusted } = parseMetablock((await readCapped(file, maxMetablockBytes)).toString('utf8'));
  const layout = parseLayout(untrusted);
  const gpg = { command: env.GNUPG, home: options.gpgHome };
  const signed = await signLayout(layout, {
    signer: gpgSigner(options.owner, gpg),
    key: readPublicKey(await exportPublicKey(options.owner, gpg)),
    now: clock.now(),
    signal: stop,
  });
  await writeFile(
    options.output ?? file,
    formatMetablock({ ...signed, signed: signed.signed as unknown as JsonObject }),
  );
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new CommandError(`found ${JSON.stringify(text)}, expected a whole number of at least 1`);
  }
  return Number(text);
}

function fingerprint(text: string): Fingerprint {
  return parseFingerprint(text.replaceAll(' ', ''));
}
