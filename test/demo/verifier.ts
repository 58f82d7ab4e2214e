import { copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';
import { type AptAnswer, AptRoot } from '../support/apt-root.ts';

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
  const root = await AptRoot.make({ suite: verifierSuite, packages: verifierPackages, ...options });
  return {
    configure: (settings) => configure(options.folder, settings),
    update: (archives) => root.update(archives),
    install: (name) => root.apt(...installing, name),
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

const installing = [
  'install',
  '--reinstall',
  '--allow-downgrades',
  '--no-install-recommends',
  '-y',
  '-o',
  'Dpkg::Use-Pty=false',
];
