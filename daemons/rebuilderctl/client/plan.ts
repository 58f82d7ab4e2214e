import { dirname } from 'node:path';
import { statOf } from '../../lib/objects/files.ts';
import { sha256Of } from '../../lib/objects/sha256.ts';
import { type Entry, formatManifest, type Manifest, maxManifestBytes } from './manifest.ts';
import { ownFolders } from './places.ts';
import type { FileState, Root } from './root.ts';
import type { Settings } from './settings.ts';

/** A file that becomes another; null: it is not there, or shall not be. */
export interface Change {
  readonly path: string;
  readonly before: FileState | null;
  readonly after: FileState | null;
}

/** Everything that is to be done, and what is known afterwards. */
export interface Plan {
  readonly changes: readonly Change[];
  /** To be made, or to be given mode 755; outermost first. */
  readonly folders: readonly string[];
  /** Files that somebody changed since, and that would be overwritten. */
  readonly touched: readonly Change[];
  readonly previous: Manifest | undefined;
  /** undefined: nothing is installed any more. */
  readonly next: Manifest | undefined;
}

/** A file as it shall be, made of what was there before the first installation. */
export type Wanted = Readonly<{ path: string; after: (original: FileState | null) => FileState | null }>;

export const fileMode = 0o644;
export const folderMode = 0o755;

/** What has to be done so that `wanted` is so; entries that it does not name stay as they are. */
export async function planInstallation(
  root: Root,
  previous: Manifest | undefined,
  wanted: readonly Wanted[],
  settings: Settings,
): Promise<Plan> {
  const files = await Promise.all(
    wanted.map(async ({ path, after }) => {
      const found = await look(root, previous, path);
      return { ...found, change: { path, before: found.disk, after: after(found.original) } };
    }),
  );
  const due = files.filter(({ change }) => !isSame(change.before, change.after));
  const missing = await missingFolders(
    root,
    due.map(({ change }) => change.path),
  );
  const kept = (previous?.entries ?? []).filter((entry) => !wanted.some(({ path }) => path === entry.path));
  const entries = files
    .filter(({ change, original }) => !isSame(change.after, original))
    .map(({ change: { path, after }, original }) => ({
      path,
      original,
      written: after === null ? [] : [sha256Of(after.content)],
    }));
  return {
    changes: due.map(({ change }) => change),
    folders: [...missing, ...(await wronglyClosed(root))],
    touched: due.filter(({ isTouched }) => isTouched).map(({ change }) => change),
    previous,
    next: {
      settings,
      complete: true,
      folders: [
        ...new Set([...(previous?.folders ?? []), ...missing.filter((one) => !ownFolders.includes(one))]),
      ],
      entries: [...kept, ...entries].sort((a, b) => (a.path < b.path ? -1 : 1)),
    },
  };
}

/** What has to be done so that everything is as it was; sources first, so that apt never reads what is half gone. */
export async function planRemoval(root: Root, previous: Manifest): Promise<Plan> {
  const files = await Promise.all(
    previous.entries.map(async ({ path, original }) => {
      const { disk, isTouched } = await look(root, previous, path);
      return { isTouched, change: { path, before: disk, after: original } };
    }),
  );
  const due = files
    .filter(({ change }) => !isSame(change.before, change.after))
    .sort((a, b) => order(a.change.path) - order(b.change.path));
  return {
    changes: due.map(({ change }) => change),
    folders: [],
    touched: due.filter(({ isTouched }) => isTouched).map(({ change }) => change),
    previous,
    next: undefined,
  };
}

/** Whether it is all so already. */
export function isDone({ changes, folders, previous, next }: Plan): boolean {
  if (changes.length > 0 || folders.length > 0) return false;
  if (previous === undefined || next === undefined) return previous === next;
  return formatManifest(previous) === formatManifest(next);
}

/** Of an installation's files, those that are neither as it left them nor as they were before. */
export async function changedByHand(root: Root, manifest: Manifest): Promise<readonly string[]> {
  const found = await Promise.all(manifest.entries.map(({ path }) => look(root, manifest, path)));
  return manifest.entries.filter((_, at) => found[at]?.isTouched).map(({ path }) => path);
}

async function look(
  root: Root,
  manifest: Manifest | undefined,
  path: string,
): Promise<Readonly<{ disk: FileState | null; original: FileState | null; isTouched: boolean }>> {
  const disk = (await root.read(path, maxManifestBytes)) ?? null;
  const entry = manifest?.entries.find((one) => one.path === path);
  return entry === undefined
    ? { disk, original: disk, isTouched: false }
    : { disk, original: entry.original, isTouched: !isKnown(disk, entry) };
}

/** Whether a content is one that we left, or the one that was there before. */
function isKnown(disk: FileState | null, { original, written }: Entry): boolean {
  if (disk === null) return original === null;
  return original?.content.equals(disk.content) || written.includes(sha256Of(disk.content));
}

export function isSame(one: FileState | null, other: FileState | null): boolean {
  if (one === null || other === null) return one === other;
  return one.mode === other.mode && one.content.equals(other.content);
}

function order(path: string): number {
  return path.startsWith('/etc/apt/sources.list') ? 0 : path.startsWith('/etc/') ? 1 : 2;
}

async function missingFolders(root: Root, paths: readonly string[]): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const path of [...ownFolders.map((folder) => `${folder}/`), ...paths]) {
    const chain: string[] = [];
    for (
      let folder = dirname(`${path}x`);
      folder !== '/' && !(await root.has(folder));
      folder = dirname(folder)
    ) {
      chain.unshift(folder);
    }
    missing.push(...chain.filter((folder) => !missing.includes(folder)));
  }
  return missing;
}

/** Our own folders that apt's unprivileged user could not enter. */
async function wronglyClosed(root: Root): Promise<readonly string[]> {
  const stats = await Promise.all(ownFolders.map(async (folder) => statOf(await root.at(folder))));
  return ownFolders.filter((_, at) => {
    const mode = stats[at]?.mode;
    return mode !== undefined && (mode & 0o777) !== folderMode;
  });
}
