import type { GpgOptions } from '../../lib/openpgp/gpg.ts';
import { CommandError } from '../errors.ts';
import { linesOf } from '../layout/report.ts';
import { rehearse } from './apt.ts';
import { checkSources } from './check-sources.ts';
import { type ClientFinding, isFatal } from './findings.ts';
import { aptConfOf, intotoConfigOf } from './intoto-config.ts';
import { lookAt, type Machine, methodFindings } from './machine.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { places } from './places.ts';
import { fileMode, type Plan, planInstallation, type Wanted } from './plan.ts';
import { type LeftSource, rewriteSources, type SourcesOptions } from './rewrite-sources.ts';
import type { FileState, Root } from './root.ts';
import { defaultLogLevel, maxRebuilders, type Settings } from './settings.ts';
import {
  fingerprintsOf,
  keyringOf,
  type ReadLayout,
  readOwners,
  readTrusted,
  type TrustOptions,
} from './trust.ts';

export interface InstallOptions extends TrustOptions, SourcesOptions {
  readonly rebuilder?: readonly string[] | undefined;
  readonly noFail?: boolean | undefined;
  readonly logLevel?: number | undefined;
}

/** An installation that is thought through, and of which nothing is done yet. */
export interface Installation {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly layout: ReadLayout['layout'];
  /** What does not keep it from working. */
  readonly findings: readonly ClientFinding[];
  readonly left: readonly LeftSource[];
}

/** gpg then makes no lock, no trust database and no agent, whoever asks it there. */
const gpgConf = 'lock-never\ntrust-model always\nno-autostart\n';

/**
 * Thinks an installation through: everything that would keep apt from working is refused here. What an option does not say
 * is as it was installed before.
 *
 * @throws CommandError
 */
export async function prepareInstallation(
  root: Root,
  options: InstallOptions,
  gpg: GpgOptions,
  now: number,
): Promise<Installation> {
  const [previous, machine] = await Promise.all([readManifest(root), lookAt(root)]);
  const owners = await readOwners(root, options, previous, gpg, now);
  const settings: Settings = {
    rebuilders: rebuildersOf(options, previous),
    owners: fingerprintsOf(owners),
    logLevel: options.logLevel ?? previous?.settings.logLevel ?? defaultLogLevel,
    noFail: options.noFail ?? previous?.settings.noFail ?? false,
  };
  const file = await layoutFile(root, options, previous);
  const trusted = await readTrusted(
    file,
    owners.map(({ key }) => key),
    settings.rebuilders,
    now,
  );
  refuseFatal(file, trusted.findings);
  const { wanted, left } = await rewriteSources(root, machine, previous, options);
  const plan = await planInstallation(
    root,
    previous,
    [
      ...ownFiles([
        [places.gpgConf, gpgConf],
        [places.keyring, keyringOf(owners)],
        [places.layout, trusted.bytes],
        [places.aptConf, aptConfOf(settings)],
      ]),
      ...wanted,
    ],
    settings,
  );
  const planned = new Map(plan.changes.map(({ path, after }) => [path, after]));
  const problems = await findProblems(root, machine, planned);
  const [worst] = problems;
  if (worst !== undefined && plan.changes.some(({ path }) => path.startsWith(places.sourceList))) {
    throw new CommandError(
      `with these sources apt would not verify what it installs: ${worst.say}`,
      worst.next,
    );
  }
  await refuseUnread(root, planned, settings);
  return { plan, settings, layout: trusted.layout, findings: [...trusted.findings, ...problems], left };
}

function rebuildersOf({ rebuilder }: InstallOptions, previous: Manifest | undefined): readonly string[] {
  const named = [...new Set(rebuilder ?? previous?.settings.rebuilders ?? [])];
  if (named.length === 0)
    throw new CommandError('which rebuilders shall apt ask? Name them: --rebuilder URL');
  if (named.length > maxRebuilders) {
    throw new CommandError(`${named.length} rebuilders given, apt asks at most ${maxRebuilders}`);
  }
  return named;
}

async function layoutFile(
  root: Root,
  { layout }: InstallOptions,
  previous: Manifest | undefined,
): Promise<string> {
  if (layout !== undefined) return layout;
  if (previous !== undefined) return await root.at(places.layout);
  throw new CommandError('by which layout shall apt judge? Name its file: --layout FILE');
}

function refuseFatal(file: string, findings: readonly ClientFinding[]): void {
  const found = findings.filter(isFatal);
  if (found.length === 0) return;
  throw new CommandError(
    `${file}: by this layout apt would refuse every package`,
    found.flatMap(linesOf).join('\n'),
  );
}

function ownFiles(files: readonly (readonly [string, string | Buffer])[]): readonly Wanted[] {
  return files.map(([path, content]) => {
    const state = { content: Buffer.from(content), mode: fileMode };
    return { path, after: () => state };
  });
}

type Planned = ReadonlyMap<string, FileState | null>;

/** What keeps intoto:// sources from being read at all, or from being read by the method alone. */
async function findProblems(
  root: Root,
  machine: Machine,
  planned: Planned,
): Promise<readonly ClientFinding[]> {
  const { findings } = await checkSources(root, machine, { planned });
  return [...methodFindings(machine), ...findings.filter(({ code }) => code === 'sources-unverified')];
}

/** apt itself says what it would make of the files, and whether that is what was meant. */
async function refuseUnread(root: Root, planned: Planned, wanted: Settings): Promise<void> {
  const found = intotoConfigOf(await rehearse(root, planned));
  const meant = intotoConfigOf([
    ...wanted.rebuilders.map((value) => ({ name: 'APT::Intoto::Rebuilders::', value })),
    ...wanted.owners.map((value) => ({ name: 'APT::Intoto::Keyids::', value })),
    { name: 'APT::Intoto::GPGHomedir::', value: places.gpgHome },
    { name: 'APT::Intoto::Layout::', value: places.layout },
    { name: 'APT::Intoto::NoFail::', value: wanted.noFail ? 'true' : '' },
  ]);
  if (JSON.stringify(found) === JSON.stringify(meant)) return;
  throw new CommandError(
    `apt would not have the settings that ${places.aptConf} gives it: another file sets APT::Intoto after it`,
    'See `apt-config dump APT::Intoto`, and take it out of that file: /etc/apt/apt.conf, or one that sorts behind in /etc/apt/apt.conf.d.',
  );
}
