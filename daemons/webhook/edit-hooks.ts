import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode, syncFolder } from '../lib/objects/files.ts';
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
  requireReadAsGiven(words);
  await change(path, (text) => {
    const added = `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${words.join(' ')}\n`;
    // As the daemon will read it.
    parseHooks(added, path);
    return added;
  });
}

export async function removeHook(path: string, name: string): Promise<void> {
  await change(path, (text) => {
    const lines = text.split('\n');
    const kept = lines.filter((line) => hookLines(line)[0]?.words[0] !== name);
    if (kept.length === lines.length) throw new HooksError(`${path}: no hook ${name}`);
    return kept.join('\n');
  });
}

/** Not as a comment, nor as more words: a part of a secret would be taken for a dist, and shown. */
function requireReadAsGiven(words: readonly string[]): void {
  const read = hookLines(words.join(' '))[0]?.words ?? [];
  if (read.length !== words.length || read.some((word, at) => word !== words[at])) {
    throw new HooksError(
      'the hook is not added: expected NAME STYLE SECRET [DIST], none with blanks, and a name that begins with no #',
    );
  }
}

/** From its first look to the file that replaces it, nobody else changes it. */
async function change(path: string, edit: (text: string) => string): Promise<void> {
  await readPrivate(path);
  const temporary = `${path}.new`;
  const file = await openFirst(temporary);
  try {
    const text = edit(await readPrivate(path));
    const { uid, gid } = await stat(path);
    await file.writeFile(text);
    await file.chown(uid, gid);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
}

/** Whose it is cannot be told, so what a killed command left is a person's to remove. */
async function openFirst(temporary: string): Promise<FileHandle> {
  try {
    return await open(temporary, 'wx', 0o600);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    throw new HooksError(
      `${temporary} is there: the hooks are being changed by another command, try again; if there is none, it was killed: \`rm ${temporary}\``,
      { cause: error },
    );
  }
}
