// Writes what stands below qrexec/, systemd/, debian/, rpm/, docs/ and salt/'s folder of them from the contracts, the roles and the lock file; with --check says what would change, and changes nothing.
// Runs as the bundle build/lib/generate.js.

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyrightFile } from './debian/copyright.ts';
import { generatedFiles, generatedFolders } from './generated-files.ts';
import type { Generated } from './qrexec/generated.ts';
import { specFile } from './rpm/spec.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const wanted = [...generatedFiles(), copyrightFile(root), specFile(root)];
const paths = new Set(wanted.map(({ path }) => path));

const stale = generatedFolders
  .flatMap((folder) => below(join(root, folder)))
  .filter((path) => !paths.has(path));
const changed = wanted.filter((file) => !isThere(file));

if (process.argv.includes('--check')) {
  for (const { path } of changed)
    console.error(`${path} is not what the contracts say: run npm run generate`);
  for (const path of stale) console.error(`${path} is not in the contracts: run npm run generate`);
  process.exitCode = changed.length + stale.length > 0 ? 1 : 0;
} else {
  for (const path of stale) rmSync(join(root, path));
  for (const file of changed) write(file);
  console.log(`generate: ${wanted.length} files, ${changed.length} written, ${stale.length} removed`);
}

function below(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? below(path) : [relative(root, path)];
  });
}

function isThere(file: Generated): boolean {
  const path = join(root, file.path);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (file.kind === 'link') return found.isSymbolicLink() && readlinkSync(path) === file.target;
  const executable = (found.mode & 0o100) !== 0;
  return found.isFile() && executable === file.executable && readFileSync(path, 'utf8') === file.text;
}

function write(file: Generated): void {
  const path = join(root, file.path);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  if (file.kind === 'link') {
    symlinkSync(file.target, path);
    return;
  }
  writeFileSync(path, file.text);
  chmodSync(path, file.executable ? 0o755 : 0o644);
}
