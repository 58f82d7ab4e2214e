import { type Command, Option } from 'commander';
import { control, type Replacement } from '../../lib/contracts/control.ts';
import { parseSignedRow, type SignedRow } from '../../lib/contracts/documents/views.ts';
import { type Fingerprint, parseFingerprint } from '../../lib/domain/names.ts';
import { queryRows } from '../../lib/wire/rows.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { table } from '../terminal.ts';

interface Options {
  readonly signedBy: Fingerprint;
  readonly rebuild?: true;
  readonly withdraw?: true;
  readonly dryRun?: true;
  readonly believe?: true;
  readonly json?: true;
}

type Next = SignedRow['next'];

/** What is said of each kind of build, in the order in which somebody wants to know. */
const headings: Readonly<Record<Next, string>> = {
  sign: 'to be signed again, their rebuilt files are here',
  rebuild: 'to be rebuilt, their rebuilt files are no longer kept',
  wait: 'under way',
  withdraw: 'signed by another key by now, the old links are withdrawn',
};

const help = `
First take the key out of the attester's rebuilder.conf (in-toto-sign-key-fpr, in-toto-sign-key-previous-fpr and the two for
what differs), name another, and restart the attester. Asked for again, it goes on with what is left; so does it after
failures. Links of upstream's names leave the publication once others stand in their place; what nothing takes the place of
(it came out otherwise this time, say) stays until it is asked for once more with --withdraw.
Exit codes: 0 nothing is left to be asked for; 1 something is: builds to be signed again (--dry-run) or to be rebuilt; 2 it
could not be done.`;

export function addResign(program: Command, context: Context): void {
  program
    .command('resign')
    .description('have signed by another key what a revoked key signed')
    .requiredOption('--signed-by <FPR>', 'the key, by its full fingerprint', (text: string) =>
      parseFingerprint(text.replace(/[ \t]/g, '').replace(/^0x/, '')),
    )
    .option('--rebuild', 'also rebuild what is no longer kept')
    .addOption(
      new Option(
        '--withdraw',
        'in the end: take out of the publication what nothing took the place of',
      ).conflicts('rebuild'),
    )
    .addOption(
      new Option('--dry-run', 'only list what there is to do').conflicts(['rebuild', 'withdraw', 'believe']),
    )
    .addOption(
      new Option('--believe', 'it was a mistake: withdraw nothing more').conflicts(['rebuild', 'withdraw']),
    )
    .option('--json', 'one object')
    .addHelpText('after', help)
    .action(async (options: Options) => {
      if (options.believe) return await believe(context, options);
      const asked = options.dryRun ? undefined : await ask(context, options);
      const builds = await signedBuilds(context, options.signedBy);
      const left = countOf(builds);
      if (options.json) context.terminal.json({ key: options.signedBy, ...asked, left, builds });
      else show(context, options, builds, asked);
      if (left.rebuild > 0 || (options.dryRun && left.sign > 0)) context.exit(exitCodes.no);
    });
}

type Asked = Readonly<{ begun: number; withdrawn: number }>;

async function ask(context: Context, options: Options): Promise<Asked> {
  const how = options.rebuild ? 'rebuild' : options.withdraw ? 'withdraw' : 'sign';
  const { changed, withdrawn } = await send(context, options, how);
  return { begun: changed, withdrawn };
}

async function send({ caller, stop }: Context, { signedBy }: Options, how: Replacement['how']) {
  const request = { which: { signedBy }, how };
  const { reply, done } = await caller.call(control, 'resign', request, { signal: stop });
  await done();
  return reply;
}

async function believe(context: Context, options: Options): Promise<void> {
  const { changed } = await send(context, options, 'believe');
  if (options.json) context.terminal.json({ key: options.signedBy, changed });
  else
    context.terminal.print(changed === 0 ? 'it was not to be replaced' : 'nothing more of it is withdrawn');
  if (changed === 0) context.exit(exitCodes.no);
}

async function signedBuilds({ caller, stop }: Context, key: Fingerprint): Promise<readonly SignedRow[]> {
  const rows: SignedRow[] = [];
  for await (const row of queryRows(caller, 'signed', { key }, { parse: parseSignedRow, signal: stop })) {
    rows.push(row);
  }
  return rows;
}

function countOf(builds: readonly SignedRow[]): Readonly<Record<Next, number>> {
  const left = { sign: 0, rebuild: 0, wait: 0, withdraw: 0 };
  for (const { next } of builds) left[next] += 1;
  return left;
}

function show(
  { terminal }: Context,
  { rebuild }: Options,
  builds: readonly SignedRow[],
  asked: Asked | undefined,
): void {
  if (asked !== undefined) {
    terminal.print(
      `begun again: ${asked.begun}, documents withdrawn: ${asked.withdrawn}, left: ${builds.length}`,
    );
  } else if (builds.length === 0) terminal.print('nothing that is published is signed by it');
  for (const [next, heading] of Object.entries(headings) as [Next, string][]) {
    const of = builds.filter((build) => build.next === next);
    if (of.length === 0) continue;
    terminal.print(`\n${heading}: ${of.length}`);
    const lines = table(
      ['SOURCE', 'VERSION', 'DIST', 'STATE', 'BUILD', 'DOCUMENTS'],
      of.map((one) => [one.source, one.version, one.dist, one.state, one.build, String(one.documents)]),
    );
    for (const line of lines) terminal.print(line);
  }
  if (!rebuild && builds.some(({ next }) => next === 'rebuild')) {
    terminal.note('Add --rebuild to have those done anew whose rebuilt files are no longer kept.');
  }
}
