import { chown, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isCode, statOf, syncFolder, writeSynced } from '../../lib/objects/files.ts';
import { CommandError } from '../errors.ts';

/** The mirror's key and its pinned host key, as PackageRebuilder's uploader had them in /root/.ssh. */

const maxKeyBytes = 65_536;

export async function sshFiles(folder: string): Promise<readonly string[]> {
  const items = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  });
  return items
    .filter((item) => item.isFile())
    .map(({ name }) => name)
    .sort();
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
  owner: Readonly<{ uid: number; gid: number }>,
): Promise<Copied> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  await chown(to, owner.uid, owner.gid);
  const copied: string[] = [];
  const kept: string[] = [];
  for (const name of names) {
    const { size } = (await statOf(join(from, name))) ?? { size: 0 };
    if (size > maxKeyBytes) throw new CommandError(`${join(from, name)}: ${size} bytes are no key's`);
    const bytes = await readFile(join(from, name));
    const path = join(to, name);
    const there = await statOf(path);
    if (there === undefined) {
      await writeSynced(`${path}.new`, bytes, { flags: 'w', mode: 0o600 });
      await chown(`${path}.new`, owner.uid, owner.gid);
      await rename(`${path}.new`, path);
      copied.push(name);
    } else if (!bytes.equals(await readFile(path))) kept.push(name);
  }
  await syncFolder(to);
  return { copied, kept };
}
