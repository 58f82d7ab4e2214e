import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ProgramError, run } from '../../daemons/lib/daemon/program.ts';

/** Debian 12 is the last release that has apt-transport-in-toto, whatever the host is. */
const verifierSuite = 'bookworm';
const verifierPackages = [
  'apt-transport-in-toto',
  'in-toto',
  'python3-securesystemslib',
  'python3-pathspec',
  'python3-iso8601',
  'python3-cryptography',
  'gnupg',
  // What the demo's packages depend on: nobody here rebuilt those, and apt would be right to refuse them.
  'wget',
  'libtext-charwidth-perl',
];

export type AptAnswer = Readonly<{ accepted: boolean; log: string }>;

/** A scratch root with real apt and Debian's in-toto method: the machine of somebody who verifies. */
export interface Verifier {
  /** Gives apt the layout, the keys and the rebuilder to ask. */
  configure(options: { layout: string; keyring: string; ownerKey: string; rebuilder: string }): Promise<void>;
  /** Reads the indexes of these archives, the only ones from then on. */
  update(archives: string): Promise<void>;
  /** Installs one package through `intoto://`. */
  install(name: string): Promise<AptAnswer>;
}

/** Makes the root from the machine's mirror, once: later demos unpack the kept tarball. */
export async function makeVerifier(options: {
  folder: string;
  tarball: string;
  mirror: string;
}): Promise<Verifier> {
  if (!existsSync(options.tarball)) {
    const made = `${options.tarball}.new`;
    await run(
      'mmdebstrap',
      [
        '--format=tar',
        '--variant=apt',
        `--include=${verifierPackages.join(',')}`,
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        verifierSuite,
        made,
        options.mirror,
      ],
      { timeoutMs: 600_000 },
    );
    await run('mv', [made, options.tarball], { timeoutMs: 10_000 });
  }
  await rm(options.folder, { recursive: true, force: true });
  await mkdir(options.folder, { recursive: true });
  await run('tar', ['-C', options.folder, '-xf', options.tarball], { timeoutMs: 120_000 });
  return {
    configure: (settings) => configure(options.folder, settings),
    update: (archives) => update(options.folder, archives),
    install: (name) => apt(options.folder, [...installing, name]),
  };
}

async function configure(
  root: string,
  settings: { layout: string; keyring: string; ownerKey: string; rebuilder: string },
): Promise<void> {
  const home = join(root, 'var/lib/intoto');
  await mkdir(home, { recursive: true });
  // Without the sockets of an agent that was asked there.
  const filter = (path: string) => !basename(path).startsWith('S.');
  await cp(settings.keyring, join(home, 'gnupg'), { recursive: true, filter });
  await run('chmod', ['700', join(home, 'gnupg')], { timeoutMs: 10_000 });
  await copyFile(settings.layout, join(home, 'root.layout'));
  await writeFile(
    join(root, 'etc/apt/apt.conf.d/intoto'),
    `APT::Intoto {
  LogLevel {"20"};
  Rebuilders { "${settings.rebuilder}"; };
  GPGHomedir {"/var/lib/intoto/gnupg"};
  Layout {"/var/lib/intoto/root.layout"};
  Keyids { "${settings.ownerKey.toLowerCase()}"; };
  NoFail {"false"};
};
`,
  );
}

/** Runs apt in the root, in a mount and process namespace of its own that ends with it. */
async function apt(root: string, args: readonly string[]): Promise<AptAnswer> {
  const inRoot = 'mount -t proc proc "$0/proc" && exec chroot "$0" apt-get "$@" 2>&1';
  try {
    const { stdout } = await run(
      'unshare',
      ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', inRoot, root, ...args],
      { timeoutMs: 180_000, env: { DEBIAN_FRONTEND: 'noninteractive' } },
    );
    return { accepted: true, log: stdout.toString() };
  } catch (error) {
    if (!(error instanceof ProgramError) || error.code !== 'failed') throw error;
    return { accepted: false, log: `${error.stdout?.toString() ?? ''}${error.stderr}` };
  }
}

const installing = [
  'install',
  '--reinstall',
  '--allow-downgrades',
  '--no-install-recommends',
  '-y',
  '-o',
  'Dpkg::Use-Pty=false',
];

async function update(root: string, archives: string): Promise<void> {
  await writeFile(join(root, 'etc/apt/sources.list'), `${archives}\n`);
  await rm(join(root, 'etc/apt/sources.list.d'), { recursive: true, force: true });
  const answer = await apt(root, ['update', '-o', 'Acquire::Check-Valid-Until=false']);
  if (!answer.accepted) throw new Error(`apt-get update: ${answer.log}`);
}
