import { chmod, mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode, syncFolder } from '../../lib/objects/files.ts';
import { sha256Of } from '../../lib/objects/sha256.ts';
import { CommandError } from '../errors.ts';
import { removeLeftovers, writeWhole } from '../write-file.ts';
import { formatManifest, type Manifest, maxManifestBytes } from './manifest.ts';
import { ownFolders, places } from './places.ts';
import { type Change, fileMode, folderMode, isSame, type Plan } from './plan.ts';
import type { FileState, Root } from './root.ts';

const privateMode = 0o600;

/** Told before each step that lasts. */
export type OnStep = (path: string) => void;

/**
 * Does what a plan says. The record of it is written before the first file and closed after the last one: an installation
 * that was killed at any instant is finished, or undone, by the next run. A step that fails undoes those before it.
 *
 * @throws CommandError when a step failed; then everything is as it was before, or the message says what is not
 */
export async function carryOut(root: Root, plan: Plan, onStep: OnStep = () => {}): Promise<void> {
  for (const path of [places.manifest, ...pathsOf(plan)]) await removeLeftovers(await root.at(path));
  await openRecord(root, plan, onStep);
  const done: Change[] = [];
  try {
    for (const folder of plan.folders) await makeFolder(root, folder, onStep);
    for (const change of plan.changes) {
      done.unshift(change);
      await put(root, change.path, change.after, onStep);
    }
    if (plan.next !== undefined) await writeManifest(root, plan.next, true, onStep);
  } catch (error) {
    await takeBack(root, plan, done, error, onStep);
    throw error;
  }
  if (plan.next === undefined) await closeRecord(root, plan.previous, onStep);
}

/** Removes the folder that an installation left which was killed before it had a record, or a removal after that. */
export async function sweep(root: Root): Promise<void> {
  for (const folder of innermostFirst(ownFolders)) await removeFolder(root, folder, () => {});
}

/** A copy of what somebody made of a file, beside it, under a name that apt passes over without a word. */
export async function saveAside(root: Root, { path, before }: Change): Promise<string | undefined> {
  if (before === null) return undefined;
  for (let number = 1; ; number++) {
    const aside = `${path}${number === 1 ? '' : `.${number}`}.save`;
    if (await root.has(aside)) continue;
    await writeWhole(await root.at(aside), before.content, { replace: false, mode: before.mode });
    return aside;
  }
}

/** Before this there is nothing to take back; the record of another installation that has just begun stays. */
async function openRecord(root: Root, plan: Plan, onStep: OnStep): Promise<void> {
  await makeFolder(root, places.state, onStep);
  try {
    await writeManifest(root, opened(plan), plan.previous !== undefined, onStep);
  } catch (error) {
    await removeFolder(root, places.state, onStep);
    throw error;
  }
}

/** What has to be known while it is under way: what was there first, and each content that may be found. */
function opened({ changes, previous, next }: Plan): Manifest {
  const entries = new Map((next ?? previous)?.entries.map((entry) => [entry.path, entry]));
  for (const entry of previous?.entries ?? []) {
    const other = entries.get(entry.path) ?? entry;
    entries.set(entry.path, { ...other, written: [...entry.written, ...other.written] });
  }
  for (const { path, before, after } of changes) {
    const entry = entries.get(path);
    if (entry === undefined) continue;
    const contents = [before, after].flatMap((state) => (state === null ? [] : [sha256Of(state.content)]));
    entries.set(path, { ...entry, written: contents });
  }
  const settings = (next ?? previous)?.settings;
  if (settings === undefined) throw new TypeError('a plan of nothing');
  return {
    settings,
    complete: false,
    folders: [...new Set([...(previous?.folders ?? []), ...(next?.folders ?? [])])],
    entries: [...entries.values()].map((entry) => ({ ...entry, written: [...new Set(entry.written)] })),
  };
}

/** The end of what is not installed any more. */
async function closeRecord(root: Root, last: Manifest | undefined, onStep: OnStep): Promise<void> {
  const folders = [...new Set([...ownFolders, ...(last?.folders ?? [])])];
  // The record's own folder goes last, after the record.
  for (const folder of innermostFirst(folders.filter((one) => one !== places.state))) {
    await removeFolder(root, folder, onStep);
  }
  await put(root, places.manifest, null, onStep);
  for (const folder of innermostFirst(folders)) await removeFolder(root, folder, onStep);
}

async function takeBack(
  root: Root,
  plan: Plan,
  done: readonly Change[],
  cause: unknown,
  onStep: OnStep,
): Promise<void> {
  try {
    for (const { path, before } of done) {
      const now = (await root.read(path, maxManifestBytes)) ?? null;
      if (!isSame(now, before)) await put(root, path, before, onStep);
    }
    if (plan.previous !== undefined) await writeManifest(root, plan.previous, true, onStep);
    else await closeRecord(root, plan.next, onStep);
  } catch {
    const say = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(
      `${say}; and what was done before that could not be taken back`,
      'Once that is in order: the same command again finishes it, and rebuilderctl client remove --apply takes it back.',
      undefined,
      { cause },
    );
  }
}

async function put(root: Root, path: string, state: FileState | null, onStep: OnStep): Promise<void> {
  const here = await root.at(path);
  onStep(path);
  if (state !== null) {
    await writeWhole(here, state.content, { replace: true, mode: state.mode });
    return;
  }
  await rm(here, { force: true });
  await syncFolder(dirname(here));
}

async function writeManifest(
  root: Root,
  manifest: Manifest,
  replace: boolean,
  onStep: OnStep,
): Promise<void> {
  const text = formatManifest(manifest);
  onStep(places.manifest);
  // What only root could read before is no more open in the record.
  const isOpen = manifest.entries.every(({ original }) => original === null || (original.mode & 0o004) !== 0);
  // Two first installations at once: the second finds the first one's record, and stops.
  const options = { replace, mode: isOpen ? fileMode : privateMode };
  await writeWhole(await root.at(places.manifest), text, options);
}

async function makeFolder(root: Root, path: string, onStep: OnStep): Promise<void> {
  const here = await root.at(path);
  onStep(path);
  await mkdir(here, { recursive: true, mode: folderMode });
  await chmod(here, folderMode);
  await syncFolder(dirname(here));
}

/** One with something of somebody else's in it stays. */
async function removeFolder(root: Root, path: string, onStep: OnStep): Promise<void> {
  const here = await root.at(path);
  onStep(path);
  try {
    await rmdir(here);
    await syncFolder(dirname(here));
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'ENOTDIR'].some((code) => isCode(error, code))) throw error;
  }
}

function pathsOf({ previous, next }: Plan): readonly string[] {
  return [...new Set([previous, next].flatMap((one) => one?.entries ?? []).map(({ path }) => path))];
}

function innermostFirst(folders: readonly string[]): readonly string[] {
  return [...folders].sort((a, b) => b.length - a.length);
}
