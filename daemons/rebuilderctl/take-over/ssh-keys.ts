import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { User } from '../../lib/daemon/users.ts';
import { isCode } from '../../lib/objects/files.ts';
import { CommandError } from '../errors.ts';
import { makeFolderAs, readAs, writeAs } from './as-user.ts';

/** The mirror's key and its pinned host key, as PackageRebuilder's uploader had them in /root/.ssh. */

const maxKeyBytes = 65_536;

export interface SshFiles {
  readonly names: readonly string[];
  /** What is no file: links and folders. */
  readonly leftOut: readonly string[];
}

export async function sshFiles(folder: string): Promise<SshFiles> {
  const items = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  });
  const namesOf = (isFile: boolean) =>
    items
      .filter((item) => item.isFile() === isFile)
      .map(({ name }) => name)
      .sort();
  return { names: namesOf(true), leftOut: namesOf(false) };
}

export interface Copied {
  readonly copied: readonly string[];
  /** There already, and other than the seed's: left as they are. */
  readonly kept: readonly string[];
}

export async function copySshFiles(
  from: string,
  names: readonly string[],
  to: string,
  owner: User,
): Promise<Copied> {
  await makeFolderAs(owner, to);
  const copied: string[] = [];
  const kept: string[] = [];
  for (const name of names) {
    const bytes = await readKey(join(from, name));
    const there = await readAs(owner, join(to, name));
    if (there === undefined) {
      await writeAs(owner, join(to, name), bytes);
      copied.push(name);
    } else if (!bytes.equals(there)) kept.push(name);
  }
  return { copied, kept };
}

/** Not what a link leads to, should one have taken its place. */
async function readKey(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new CommandError(`${path}: no file any more`, 'run it again');
    if (found.size > maxKeyBytes) throw new CommandError(`${path}: ${found.size} bytes are no key's`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
