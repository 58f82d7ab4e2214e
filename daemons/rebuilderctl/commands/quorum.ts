import { type Command, Option } from 'commander';
import { type Layout, maxLayoutKeys } from '../../lib/domain/layout.ts';
import { rebuildStep } from '../../lib/domain/link.ts';
import { VerificationError } from '../../lib/intoto/errors.ts';
import { openLayout } from '../../lib/intoto/verify.ts';
import { collect } from '../collect.ts';
import type { Context } from '../context.ts';
import { CommandError, exitCodes } from '../errors.ts';
import { nativeArchitecture } from '../native-architecture.ts';
import { aptAccepts } from '../quorum/apt.ts';
import { type Asking, askRebuilder } from '../quorum/ask.ts';
import { judgeWords } from '../quorum/outcome.ts';
import { installedPackages, type Package, packageNamed } from '../quorum/packages.ts';
import { alarms, jsonOf, print, type Row } from '../quorum/report.ts';
import { advice, VerifyError } from '../verify/errors.ts';
import type { Trust } from '../verify/judge.ts';
import { openPublications, type Publication } from '../verify/publications.ts';
import { type NamedTrust, readTrust } from '../verify/trust.ts';

interface Options extends Omit<NamedTrust, 'layout'> {
  readonly rebuilder: readonly string[];
  readonly installed?: true;
  readonly threshold?: number;
  readonly layout?: string;
  readonly json?: true;
}

/** Packages asked about at once; the client limits itself to fewer requests a host. */
const atOnce = 16;
/** Whoever waits is told so many times. */
const notices = 10;

export function addQuorum(program: Command, context: Context): void {
  program
    .command('quorum')
    .description(
      'ask several rebuilders whether they made the same bytes of a package, or of all that are installed',
    )
    .argument(
      '[PACKAGE...]',
      'NAME[:ARCH][=VERSION]: the installed version, or the one that apt would install',
    )
    .requiredOption('--rebuilder <URL>', "as apt's Rebuilders has it; give each again", collect)
    .option('--installed', 'every package that is installed here')
    .addOption(
      new Option(
        '--threshold <N>',
        'how many have to agree (default: the layout’s, else 2, or 1 of one rebuilder)',
      ).argParser(thresholdOf),
    )
    .option('--layout <FILE>', 'count only links signed by the keys of this root layout')
    .option(
      '--owner-key <KEY>',
      'a key that must have signed the layout, a full fingerprint or a file; may be given again',
      collect,
    )
    .option('--gpg-home <DIR>', 'the GnuPG home with these public keys (default: your own)')
    .option('--json', 'one object a package')
    .addHelpText(
      'after',
      `
Exit codes: 0 enough rebuilders agree on every package; 1 on some they do not, and none made others; 3 somebody made other
bytes; 2 it could not be done, or the command was not understood.`,
    )
    .action(async (named: readonly string[], options: Options) => {
      if ((named.length === 0) === (options.installed === undefined)) {
        throw new CommandError('expected packages, or --installed for all that are installed');
      }
      const rows = await ask(context, named, options);
      if (options.json) for (const row of rows) context.terminal.json(jsonOf(row));
      else print(context.terminal, rows, named.length > 0);
      if (rows.some(({ outcome }) => alarms.includes(outcome))) context.exit(exitCodes.alarm);
      else if (rows.some(({ outcome }) => outcome !== 'agreed')) context.exit(exitCodes.no);
    });
}

async function ask(context: Context, named: readonly string[], options: Options): Promise<readonly Row[]> {
  const { clock, env, terminal, stop } = context;
  const packages = options.installed
    ? await installedPackages(env)
    : (await Promise.all(named.map((one) => packageNamed(one, env)))).flat();
  const trusted = await trustedBy(context, options);
  if (trusted === undefined)
    terminal.note('without --layout nobody’s signature is checked: anybody can have written these links');
  const publications = await openPublications(options.rebuilder, clock, env);
  const layout = trusted?.layout;
  const asking: Asking = { layout, native: await nativeArchitecture(), now: clock.now(), signal: stop };
  const threshold = options.threshold ?? thresholdIn(layout) ?? Math.min(2, publications.all.length);
  try {
    return await askAll(packages, publications.all, {
      asking,
      trust: trusted?.trust,
      threshold,
      onEach: counter(context, packages.length),
    });
  } finally {
    await publications.close();
  }
}

async function askAll(
  packages: readonly Package[],
  rebuilders: readonly Publication[],
  how: Readonly<{ asking: Asking; trust: Trust | undefined; threshold: number; onEach: () => void }>,
): Promise<readonly Row[]> {
  const { asking, trust, threshold } = how;
  const rows: Row[] = [];
  const waiting = packages.entries();
  const work = async () => {
    for (const [at, one] of waiting) {
      const asked = await Promise.all(rebuilders.map((rebuilder) => askRebuilder(rebuilder, one, asking)));
      const words = asked.map(({ word }) => word);
      const links = asked.flatMap(({ link }) => link ?? []);
      const judged = judgeWords(words, threshold, (sha256) =>
        trust === undefined ? null : aptAccepts(trust, one, sha256, { links, now: asking.now }),
      );
      rows[at] = { package: one, words, ...judged };
      how.onEach();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return rows;
}

function counter({ terminal }: Context, total: number): () => void {
  let done = 0;
  const every = Math.max(1, Math.ceil(total / notices));
  return () => {
    done += 1;
    if (total > notices && done % every === 0) terminal.note(`${done} of ${total} packages asked about`);
  };
}

async function trustedBy(
  context: Context,
  options: Options,
): Promise<Readonly<{ layout: Layout; trust: Trust }> | undefined> {
  if (options.layout === undefined) return undefined;
  try {
    const trust = await readTrust(context, { ...options, layout: options.layout });
    return { layout: openLayout({ ...trust, now: context.clock.now() }), trust };
  } catch (error) {
    if (!(error instanceof VerifyError || error instanceof VerificationError)) throw error;
    throw new CommandError(`${error.code}: ${error.message}`, advice[error.code]);
  }
}

function thresholdIn(layout: Layout | undefined): number | undefined {
  return layout?.steps.find(({ name }) => name === rebuildStep)?.threshold;
}

function thresholdOf(text: string): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < 1 || value > maxLayoutKeys) {
    throw new CommandError(`--threshold ${text}: expected a number from 1 to ${maxLayoutKeys}`);
  }
  return value;
}
