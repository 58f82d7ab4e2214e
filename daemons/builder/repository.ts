import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecipeDependency } from '../lib/contracts/documents/recipe.ts';
import { run } from '../lib/daemon/program.ts';
import { BuildFailure } from './failure.ts';

const indexMs = 600_000;
const maxIndexBytes = 256 * 1_048_576;

/** Writes the index of a folder of packages, so that apt takes it for an archive; sha256 is the only hash in it. */
export async function indexPackages(folder: string): Promise<void> {
  const without = ['MD5', 'SHA1', 'SHA512'].flatMap((hash) => ['-o', `APT::FTPArchive::${hash}=false`]);
  try {
    const { stdout } = await run('apt-ftparchive', ['-q', ...without, 'packages', '.'], {
      cwd: folder,
      timeoutMs: indexMs,
      maxOutput: maxIndexBytes,
    });
    const file = await open(join(folder, 'Packages'), 'w');
    await file.writeFile(stdout).finally(() => file.close());
  } catch (error) {
    throw new BuildFailure('sandbox', 'the delivered packages cannot be indexed', { cause: error });
  }
}

/** The line of sources.list for such a folder. */
export function sourcesLine(folder: string): string {
  return `deb [trusted=yes] file://${folder} ./`;
}

/** As apt names exact packages: `libc6=2.36-9`, `libc6:i386=2.36-9` for an architecture that is not the build's. */
export function exactPackages(
  dependencies: readonly RecipeDependency[],
  buildArchitecture: string,
): readonly string[] {
  return dependencies.map(({ package: name, version, architecture }) =>
    architecture === 'all' || architecture === buildArchitecture
      ? `${name}=${version}`
      : `${name}:${architecture}=${version}`,
  );
}

/** Architectures that the packages are for, the build's own first. */
export function architecturesOf(
  dependencies: readonly RecipeDependency[],
  buildArchitecture: string,
): readonly string[] {
  const foreign = new Set<string>(dependencies.map(({ architecture }) => architecture));
  foreign.delete('all');
  foreign.delete(buildArchitecture);
  return [buildArchitecture, ...[...foreign].sort()];
}

/** Writes a configuration under which apt works on `root` alone and reads none of its host's. */
export async function writeAptConfiguration(
  folder: string,
  options: { readonly root: string; readonly packages: string; readonly architectures: readonly string[] },
): Promise<string> {
  await writeFile(join(folder, 'sources.list'), `${sourcesLine(options.packages)}\n`);
  // Not `apt.conf`: apt would read it a second time as its main file.
  const path = join(folder, 'configuration');
  await writeFile(
    path,
    [
      `Dir "${options.root}";`,
      `Dir::Etc "${folder}";`,
      `Dir::State::lists "${folder}/lists";`,
      `Dir::State::status "${options.root}/var/lib/dpkg/status";`,
      `Dir::Cache "${folder}/cache";`,
      'Dir::Log "/dev/null";',
      `APT::Architecture "${options.architectures[0]}";`,
      `APT::Architectures { ${options.architectures.map((name) => `"${name}";`).join(' ')} };`,
      'APT::Install-Recommends "false";',
      'APT::Sandbox::User "root";',
      'Acquire::Languages "none";',
      'Debug::NoLocking "true";',
      'DPkg::Use-Pty "false";',
      // As mmdebstrap does: dpkg runs inside the root, where our own variables mean nothing.
      'Dir::Bin::dpkg "env";',
      'DPkg::Options { "--unset=APT_CONFIG"; "--unset=TMPDIR"; "dpkg"; "--force-unsafe-io"; };',
      `DPkg::Chroot-Directory "${options.root}";`,
      '',
    ].join('\n'),
  );
  return path;
}
