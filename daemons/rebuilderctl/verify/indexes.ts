import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { IndexName } from '../../lib/archive/lookup-store.ts';
import { VerifyError } from './errors.ts';
import { hashOf } from './package-file.ts';

/** Where apt keeps what it fetched. */
const aptLists = '/var/lib/apt/lists';
const isIndex = /(?:^|[_/.-])Packages(?:\.[a-z0-9]+)?$/;

type Found = Readonly<{ form: IndexName; file: string }>;

/**
 * Finds indexes by their hash among files and folders that a person named, or else in apt's own lists.
 *
 * @throws VerifyError `index-unreadable`
 */
export async function openIndexes(
  named: readonly string[],
): Promise<(forms: readonly IndexName[]) => Promise<Found | undefined>> {
  const files =
    named.length === 0 ? await listed(aptLists).catch(() => []) : (await Promise.all(named.map(open))).flat();
  return async (forms) => {
    for (const { file, size } of files) {
      const candidates = forms.filter((form) => form.size === size);
      if (candidates.length === 0) continue;
      const sha256 = await hashOf(file);
      const form = candidates.find((one) => one.sha256 === sha256);
      if (form !== undefined) return { form, file };
    }
    return undefined;
  };
}

type Sized = Readonly<{ file: string; size: number }>;

async function open(path: string): Promise<readonly Sized[]> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? await listed(path) : [{ file: path, size: found.size }];
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new VerifyError('index-unreadable', `${path}: cannot be read (${reason})`, { cause });
  }
}

async function listed(folder: string): Promise<readonly Sized[]> {
  const names = (await readdir(folder)).filter((name) => isIndex.test(name));
  return await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      return { file, size: (await stat(file)).size };
    }),
  );
}
