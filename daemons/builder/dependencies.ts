import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecipeDependency } from '../lib/contracts/documents/recipe.ts';
import { inNamespaces, mountRoot } from './namespace.ts';
import { must, type ProgramOptions } from './programs.ts';
import { architecturesOf, exactPackages, indexPackages, writeAptConfiguration } from './repository.ts';
import type { Scratch } from './scratch.ts';

/** What a package needs beyond the base, installed by apt from outside the root, as mmdebstrap does it. */

const insideRoot = '.packages';

const install = `
root=$1
shift
${mountRoot}
exec apt-get --quiet --yes --no-install-recommends install "$@"
`;

/** dpkg and maintainer scripts must neither ask nor start services. */
const unattended = { DEBIAN_FRONTEND: 'noninteractive', DEBCONF_NONINTERACTIVE_SEEN: 'true' };
const noServices = '#!/bin/sh\nexit 101\n';

export interface DependencyOptions extends ProgramOptions {
  readonly buildArchitecture: string;
  readonly dependencies: readonly RecipeDependency[];
}

/** Installs the packages of `scratch.otherPackages`, each at its exact version, into the root. */
export async function installDependencies(scratch: Scratch, options: DependencyOptions): Promise<void> {
  const { dependencies, buildArchitecture, ...program } = options;
  if (dependencies.length === 0) return;
  await indexPackages(scratch.otherPackages);
  const packages = join(scratch.root, insideRoot);
  await rename(scratch.otherPackages, packages);
  const folder = join(scratch.temporary, 'apt');
  for (const part of ['lists/partial', 'cache/archives/partial', 'apt.conf.d', 'preferences.d']) {
    await mkdir(join(folder, part), { recursive: true });
  }
  const architectures = architecturesOf(dependencies, buildArchitecture);
  const configuration = await writeAptConfiguration(folder, { root: scratch.root, packages, architectures });
  const env = { ...unattended, APT_CONFIG: configuration, TMPDIR: scratch.temporary };
  for (const foreign of architectures.slice(1)) {
    await must(
      'adding an architecture',
      'sandbox',
      'dpkg',
      [`--root=${scratch.root}`, '--add-architecture', foreign],
      program,
    );
  }
  await must('reading the delivered packages', 'sandbox', 'apt-get', ['--quiet', 'update'], {
    ...program,
    env,
  });
  const policy = join(scratch.root, 'usr/sbin/policy-rc.d');
  await writeFile(policy, noServices, { mode: 0o755 });
  await must(
    'installing the build dependencies',
    'dependency-missing',
    'unshare',
    inNamespaces(install, [scratch.root, ...exactPackages(dependencies, buildArchitecture)]),
    { ...program, env },
  );
  await rm(policy);
  await rm(packages, { recursive: true, force: true });
}
