import { dirname } from 'node:path';
import { statOf } from '../../lib/objects/files.ts';
import { type ClientFinding, clientFinding } from './findings.ts';
import type { Root } from './root.ts';

/** What keeps apt's unprivileged user from reading a file: the file itself, or a folder on the way. */
export async function unreadable(root: Root, paths: readonly string[]): Promise<readonly ClientFinding[]> {
  const closed = new Set<string>();
  for (const path of paths) {
    for (let part = path; part !== '/'; part = dirname(part)) {
      const found = await statOf(await root.at(part));
      if (found === undefined) continue;
      const wanted = found.isDirectory() ? (part === path ? 0o5 : 0o1) : 0o4;
      if ((found.mode & wanted) !== wanted) closed.add(part);
    }
  }
  return [...closed].map((path) =>
    clientFinding('not-readable', root.shown(path), `${root.shown(path)}: user _apt cannot read it`),
  );
}

/** What others than the machine's owner could change. */
export async function unsafe(root: Root, paths: readonly string[]): Promise<readonly ClientFinding[]> {
  const owner = (await statOf(await root.at('/')))?.uid;
  const found = await Promise.all(
    paths.map(async (path) => {
      const stats = await statOf(await root.at(path));
      if (stats === undefined || (stats.uid === owner && (stats.mode & 0o022) === 0)) return undefined;
      const shown = root.shown(path);
      return clientFinding('not-safe', shown, `${shown}: others than root may write it`);
    }),
  );
  return found.filter((one) => one !== undefined);
}
