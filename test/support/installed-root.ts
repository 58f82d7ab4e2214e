import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';
import { AptRoot } from './apt-root.ts';
import { machinesMirror } from './beside-mirror.ts';

const build = join(import.meta.dirname, '../../build');
/** Where `make deb` leaves the packages, and the source package beside them. */
export const packagesFolder = join(build, 'packages');
const sourceFolder = join(build, 'deb');

/** What boots, what packages are built with, what judges them, and Node.js, which takes longest. */
const packages = [
  'ca-certificates',
  'dbus',
  'debhelper',
  'dpkg-dev',
  'fakeroot',
  'gnupg',
  'lintian',
  'nodejs',
  'perl',
  'systemd',
  'systemd-sysv',
];

/** A Debian 13 of one's own, with its real apt and its mirror; nothing of ours is in it. */
export async function makeTrixieRoot(folder: string): Promise<AptRoot> {
  const roots = join(build, 'test/roots');
  await mkdir(roots, { recursive: true });
  const root = await AptRoot.make({
    suite: 'trixie',
    packages,
    mirror: await machinesMirror(),
    tarball: join(roots, 'packaging-trixie.tar'),
    folder,
  });
  if (existsSync('/etc/resolv.conf')) await copyFile('/etc/resolv.conf', root.path('etc/resolv.conf'));
  // As in a template: what is of /dev/xen belongs to it.
  const answer = await root.run('groupadd', ['--system', 'qubes']);
  if (!answer.accepted) throw new Error(`groupadd: ${answer.log}`);
  return root;
}

/** Names of the packages' files, as `make deb` left them. */
export async function packageFiles(): Promise<readonly string[]> {
  return (await readdir(packagesFolder)).filter((name) => name.endsWith('.deb')).sort();
}

/** Names of the RPM packages' files, the daemons' and dom0's, as `make rpm` left them. */
export async function rpmPackages(): Promise<readonly string[]> {
  const found = (await readdir(packagesFolder)).filter((name) => name.endsWith('.rpm'));
  return found.sort((one) => (one.includes('dom0') ? 1 : -1));
}

/** The source package's files, by their paths. */
export async function sourceFiles(): Promise<readonly string[]> {
  const names = (await readdir(sourceFolder)).filter((name) => /\.(dsc|tar\.xz)$/.test(name));
  return names.map((name) => join(sourceFolder, name));
}

/** Brings files of this machine into a folder of the root. */
export async function bring(root: AptRoot, files: readonly string[], folder: string): Promise<void> {
  await mkdir(root.path(folder), { recursive: true });
  for (const file of files) await copyFile(file, root.path(join(folder, file.split('/').at(-1) ?? '')));
}

/** The folder of the root in which all of our packages are installed; `setup.ts` makes it for every test of this run. */
export const installedRoot = join(build, 'test/packaging/installed');

/** Makes it while the packages are `built`. */
export async function installPackages(built: Promise<unknown>): Promise<void> {
  await rm(installedRoot, { recursive: true, force: true });
  const [root] = await Promise.all([makeTrixieRoot(installedRoot), built]);
  const names = await packageFiles();
  await bring(
    root,
    names.map((name) => join(packagesFolder, name)),
    'root',
  );
  await must(root, 'apt-get', 'update', '-qq');
  // What hosts join each other by.
  const files = ['openssh-server', ...names.map((name) => `/root/${name}`)];
  await must(root, 'apt-get', 'install', '--yes', '--no-install-recommends', ...files);
  await run('chmod', ['755', installedRoot], { timeoutMs: 10_000 });
}

/** Runs a program there, and what it says is the error if it fails. */
export async function must(root: AptRoot, program: string, ...args: readonly string[]): Promise<string> {
  const { accepted, log } = await root.run(program, args);
  if (!accepted) throw new Error(`${program} ${args.join(' ')}: ${log}`);
  return log;
}
