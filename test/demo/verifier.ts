import { run } from '../../daemons/lib/daemon/program.ts';
import { type AptAnswer, AptRoot, verifierPackages, verifierSuite } from '../support/apt-root.ts';

const packages = [
  ...verifierPackages,
  // What the demo's packages depend on: nobody here rebuilt those, and apt would be right to refuse them.
  'wget',
  'libtext-charwidth-perl',
];

/** A scratch root with real apt and Debian's in-toto method: the machine of somebody who verifies. */
export interface Verifier {
  readonly folder: string;
  /** Gives apt the layout, the keys and the rebuilder to ask, by our own command line. */
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
  const root = await AptRoot.make({ suite: verifierSuite, packages, ...options });
  return {
    folder: options.folder,
    configure: async ({ layout, keyring, ownerKey, rebuilder }) => {
      const trust = ['--layout', layout, '--owner-key', ownerKey, '--gpg-home', keyring];
      const args = ['client', 'install', '--root', options.folder, '--rebuilder', rebuilder, ...trust];
      await run('build/bin/rebuilderctl', [...args, '--apply'], { timeoutMs: 60_000 });
    },
    update: (archives) => root.update(archives),
    install: (name) => root.apt(...installing, name),
  };
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
