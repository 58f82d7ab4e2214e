import { chown, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder, writeSynced } from '../lib/objects/files.ts';
import { HooksError, hookLines, parseHooks } from './hooks.ts';
import { readPrivate } from './hooks-file.ts';

/**
 * Adds a hook to the operator's file, or takes one out, and leaves all else in it as it stands. The file keeps its owner,
 * is its owner's alone, and is replaced whole or not at all.
 *
 * @param words NAME STYLE SECRET [DIST]
 * @throws HooksError also where there is no file yet: whose it is to be is not known here
 */
export async function addHook(path: string, words: readonly string[]): Promise<void> {
  const text = await readPrivate(path);
  const added = `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${words.join(' ')}\n`;
  // As the daemon will read it.
  parseHooks(added, path);
  await replace(path, added);
}

export async function removeHook(path: string, name: string): Promise<void> {
  const lines = (await readPrivate(path)).split('\n');
  const kept = lines.filter((line) => hookLines(line)[0]?.words[0] !== name);
  if (kept.length === lines.length) throw new HooksError(`${path}: no hook ${name}`);
  await replace(path, kept.join('\n'));
}

async function replace(path: string, text: string): Promise<void> {
  const { uid, gid } = await stat(path);
  const temporary = `${path}.new`;
  await writeSynced(temporary, text, { flags: 'w' });
  await chown(temporary, uid, gid);
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
