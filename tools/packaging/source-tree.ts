// `source-tree.js FOLDER`: lays out what the packages are built from, and nothing else: our sources as they stand, and the
// npm modules of package-lock.json that they need. Modes and times say nothing about where that happened.
// Runs as the bundle build/lib/source-tree.js.

import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../daemons/lib/daemon/program.ts';
import { Modules } from './modules.ts';

const ours = [
  'config',
  'daemons',
  'debian',
  'qrexec',
  'rpm',
  'salt',
  'systemd',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'version',
  'rel',
  'tools/bundle.js',
  'tools/client-bundle.json',
  'tools/packaging/install-list.sh',
  'tools/users.sh',
];
/** Of a module only what runs, and its licence. */
const unneeded = /(^|\/)(readme|changelog|history)[^/]*$|\.(d\.[cm]?ts|map|markdown)$/i;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const target = resolve(process.argv[2] ?? 'build/source-tree');
const read = async (program: string, ...args: string[]) => {
  const { stdout } = await run(program, args, { cwd: root, timeoutMs: 60_000 });
  return stdout.toString('utf8');
};

const git = await read('git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...ours);
const sources = git.split('\0').filter((path) => path !== '' && isThere(path));
const modules = new Modules(root);
const folders = [...modules.bundled(), ...modules.loaded(), ...modules.building()].map(({ path }) => path);
const time = Number(await read('dpkg-parsechangelog', '--show-field', 'Timestamp'));
for (const path of [...sources, ...[...new Set(folders)].flatMap(filesOf)]) copy(path);

function isThere(path: string): boolean {
  return lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

/** A module's files; modules inside it are modules of their own. */
function filesOf(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesOf(path);
    return unneeded.test(path) ? [] : [path];
  });
}

function copy(path: string): void {
  const from = join(root, path);
  const to = join(target, path);
  mkdirSync(dirname(to), { recursive: true });
  const found = lstatSync(from);
  if (found.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else {
    copyFileSync(from, to);
    chmodSync(to, found.mode & 0o100 ? 0o755 : 0o644);
  }
  lutimesSync(to, time, time);
}
