import { isObject, type JsonObject, MetablockError, parseJsonObject } from '../../lib/domain/metablock.ts';
import { NameError, parseFingerprint, parseSha256, type Sha256 } from '../../lib/domain/names.ts';
import { CommandError } from '../errors.ts';
import { isManaged, places } from './places.ts';
import type { FileState, Root } from './root.ts';
import { maxOwners, maxRebuilders, type Settings, whyNoRebuilder } from './settings.ts';

/** The record of an installation: what was there before, so that it can be put back, and what was written. */
export interface Manifest {
  readonly settings: Settings;
  /** False from before the first file is touched until after the last one. */
  readonly complete: boolean;
  /** Folders that were made for it besides our own, outermost first. */
  readonly folders: readonly string[];
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly path: string;
  /** As it was before the first installation; null: there was none. */
  readonly original: FileState | null;
  /** Of each content that an installation may have left there: more than one while it is not complete. */
  readonly written: readonly Sha256[];
}

export const maxManifestBytes = 16 * 1_048_576;
const maxEntries = 1_000;
const maxFolders = 20;
const maxWritten = 10;

/** @throws CommandError when there is one, and it is not what we write */
export async function readManifest(root: Root): Promise<Manifest | undefined> {
  const file = await root.read(places.manifest, maxManifestBytes);
  if (file === undefined) return undefined;
  try {
    return parseManifest(file.content);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new CommandError(
      `${root.shown(places.manifest)}: ${error.message}`,
      'It holds what was there before the installation: put it back from a backup. Nothing was changed.',
      undefined,
      { cause: error },
    );
  }
}

export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/** @throws ManifestError */
export function parseManifest(untrusted: Buffer): Manifest {
  try {
    if (untrusted.length > maxManifestBytes) throw new ManifestError(`larger than ${maxManifestBytes} bytes`);
    const { v, settings, complete, folders, entries } = parseJsonObject(untrusted.toString('utf8'));
    if (v !== 1) throw new ManifestError('v: expected 1');
    if (typeof complete !== 'boolean') throw new ManifestError('complete: expected true or false');
    const parsed = listOf(entries, 'entries', maxEntries).map(parseEntry);
    if (new Set(parsed.map(({ path }) => path)).size !== parsed.length) {
      throw new ManifestError('entries: one path twice');
    }
    return {
      settings: parseSettings(objectOf(settings, 'settings')),
      complete,
      folders: listOf(folders, 'folders', maxFolders).map(parseFolder),
      entries: parsed,
    };
  } catch (error) {
    if (error instanceof MetablockError || error instanceof NameError) {
      throw new ManifestError(error.message, { cause: error });
    }
    throw error;
  }
}

/** @throws CommandError when what was there before is too much to be kept */
export function formatManifest({ settings, complete, folders, entries }: Manifest): string {
  const text = JSON.stringify(
    {
      v: 1,
      complete,
      settings,
      folders,
      entries: entries.map(({ path, original, written }) => ({
        path,
        original: original && { mode: original.mode, base64: original.content.toString('base64') },
        written,
      })),
    },
    null,
    1,
  );
  if (text.length <= maxManifestBytes) return `${text}\n`;
  throw new CommandError(`apt's sources are more than ${maxManifestBytes} bytes together`);
}

function parseSettings({ rebuilders, owners, logLevel, noFail }: JsonObject): Settings {
  const urls = listOf(rebuilders, 'rebuilders', maxRebuilders).map((one) => textOf(one, 'rebuilders'));
  if (urls.some((url) => whyNoRebuilder(url) !== undefined)) {
    throw new ManifestError('rebuilders: expected URLs');
  }
  if (typeof noFail !== 'boolean') throw new ManifestError('noFail: expected true or false');
  return {
    rebuilders: urls,
    owners: listOf(owners, 'owners', maxOwners).map(parseFingerprint),
    logLevel: numberOf(logLevel, 'logLevel', 50),
    noFail,
  };
}

function parseEntry(untrusted: unknown): Entry {
  const { path, original, written } = objectOf(untrusted, 'entries');
  const managed = textOf(path, 'path');
  if (!isManaged(managed))
    throw new ManifestError(`path: ${JSON.stringify(managed.slice(0, 100))} is none of ours`);
  return {
    path: managed,
    original: original === null ? null : parseOriginal(objectOf(original, 'original')),
    written: listOf(written, 'written', maxWritten).map(parseSha256),
  };
}

function parseOriginal({ mode, base64 }: JsonObject): FileState {
  const text = textOf(base64, 'base64');
  const content = Buffer.from(text, 'base64');
  if (content.toString('base64') !== text) throw new ManifestError('base64: expected base64');
  return { mode: numberOf(mode, 'mode', 0o777), content };
}

/** Only a folder on the way to one of our files was ever made. */
function parseFolder(untrusted: unknown): string {
  const path = textOf(untrusted, 'folders');
  const ours = [places.aptConf, places.keyring, places.ownSources];
  if (/^(?:\/[a-z][a-z.-]*)+$/.test(path) && ours.some((file) => file.startsWith(`${path}/`))) return path;
  throw new ManifestError(`folders: ${JSON.stringify(path.slice(0, 100))} is none of ours`);
}

function objectOf(untrusted: unknown, where: string): JsonObject {
  const value = untrusted as JsonObject | undefined;
  if (!isObject(value)) throw new ManifestError(`${where}: expected an object`);
  return value;
}

function listOf(untrusted: unknown, where: string, max: number): readonly unknown[] {
  if (!Array.isArray(untrusted) || untrusted.length > max) {
    throw new ManifestError(`${where}: expected a list of at most ${max}`);
  }
  return untrusted;
}

function textOf(untrusted: unknown, where: string): string {
  if (typeof untrusted !== 'string') throw new ManifestError(`${where}: expected a text`);
  return untrusted;
}

function numberOf(untrusted: unknown, where: string, max: number): number {
  if (typeof untrusted === 'number' && Number.isInteger(untrusted) && untrusted >= 0 && untrusted <= max) {
    return untrusted;
  }
  throw new ManifestError(`${where}: expected a number from 0 to ${max}`);
}
