// `source-tree.js FOLDER`: lays out our sources as they stand, as far as packages are built from them.
// `source-tree.js --modules FOLDER`: the npm modules of package-lock.json that they need, which say nothing of anything else.
// Modes and times do not tell where that happened.
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
import { parseArgs } from 'node:util';
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
/**
 * Of a module only what runs, and its licence; and of esbuild not the command, which its installation replaces with the
 * native program where it can.
 */
const unneeded =
  /(^|\/)(readme|changelog|history)[^/]*$|\.(d\.[cm]?ts|map|markdown)$|^node_modules\/esbuild\/bin\//i;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { modules: { type: 'boolean' } },
});
const target = resolve(positionals[0] ?? 'build/source-tree');
const read = async (program: string, ...args: string[]) => {
  const { stdout } = await run(program, args, { cwd: root, timeoutMs: 60_000 });
  return stdout.toString('utf8');
};

const time = Number(await read('dpkg-parsechangelog', '--show-field', 'Timestamp'));
for (const path of values.modules ? moduleFiles() : await sourceFiles()) copy(path);

async function sourceFiles(): Promise<readonly string[]> {
  const git = await read(
    'git',
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--',
    ...ours,
  );
  return git.split('\0').filter((path) => path !== '' && isThere(path));
}

function moduleFiles(): readonly string[] {
  const modules = new Modules(root);
  const folders = [...modules.bundled(), ...modules.loaded(), ...modules.building()].map(({ path }) => path);
  return [...new Set(folders)].flatMap(filesOf);
}

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
