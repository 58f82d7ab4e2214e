import type { Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { maxInputBytes } from '../../lib/contracts/fetch.ts';
import { run } from '../../lib/daemon/program.ts';
import type { User } from '../../lib/daemon/users.ts';
import { maxPublicationPath, publicationPathOf } from '../../lib/domain/names.ts';
import { CommandError } from '../errors.ts';
import { runAs } from './as-user.ts';

/** A published tree as PackageRebuilder left it: links, and symbolic links between folders and files of it. */

const copyMs = 3_600_000;
const maxItems = 1_000_000;

/** What others point at stays on the mirror by itself: pages, which are made anew by this line, and logs. */
const madeAnew = /^[a-z]+\/(?:results|logs)(?:\/|$)/;

export interface PublishedTree {
  readonly root: string;
  /** Whose it is: it is read with no more rights than theirs. */
  readonly owner: Pick<Stats, 'uid' | 'gid'>;
  /** By the paths under which they are served, symbolic links followed within the tree. */
  readonly files: readonly string[];
  /** What cannot be published: no name for it, too large, or a link that leads nowhere. */
  readonly leftOut: readonly string[];
}

/**
 * Looks a published tree over, and changes nothing.
 *
 * @throws CommandError at a link that leads out of it, and at a folder where somebody else could put one meanwhile
 */
export async function findPublished(root: string): Promise<PublishedTree> {
  const whole = await realpath(root);
  const owner = await stat(whole);
  const files: string[] = [];
  const leftOut: string[] = [];
  let items = 0;
  const visit = async (folder: string, above: readonly string[]): Promise<void> => {
    for (const name of (await readdir(join(root, folder))).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (madeAnew.test(path)) continue;
      items += 1;
      if (items > maxItems) throw new CommandError(`${root}: more than ${maxItems} files`);
      const real = await realpath(join(root, path)).catch(() => undefined);
      if (real !== undefined && relative(whole, real).startsWith('..')) {
        throw new CommandError(
          `${join(root, path)}: leads out of ${root}, to ${real}`,
          'take it out of there',
        );
      }
      const found = real === undefined ? undefined : await stat(real);
      if (real !== undefined && found?.isDirectory() === true) {
        checkFolder(real, found, owner);
        // A link to a folder above would never end.
        if (path.length < maxPublicationPath && !above.includes(real)) await visit(path, [...above, real]);
      } else if (
        found?.isFile() === true &&
        found.size <= maxInputBytes &&
        publicationPathOf(path) !== undefined
      ) {
        files.push(path);
      } else leftOut.push(path);
    }
  };
  checkFolder(whole, owner, owner);
  await visit('', [whole]);
  return { root, owner, files, leftOut };
}

function checkFolder(path: string, { uid, mode }: Stats, owner: Stats): void {
  const othersWrite = 0o002;
  if ((uid === 0 || uid === owner.uid) && (mode & othersWrite) === 0) return;
  throw new CommandError(
    `${path}: others than the tree's owner may write there`,
    `chown -R --no-dereference, or chmod -R o-w: it must not change while it is copied`,
  );
}

const pipe = `setpriv --reuid="$1" --regid="$2" --clear-groups -- \
  tar --create --file=- --directory="$3" --no-recursion --dereference --hard-dereference --null --files-from=- |
setpriv --reuid="$4" --regid="$5" --init-groups -- sh -ec '
  umask 077; rm -rf -- "$1"; mkdir -- "$1"
  exec tar --extract --file=- --no-same-owner --no-same-permissions --directory="$1"' sh "$6"`;

/** Copies its files, whole or not at all, for their new owner: read by one's rights and written by the other's. */
export async function copyPublished(tree: PublishedTree, to: string, newOwner: User): Promise<void> {
  const { root, owner, files } = tree;
  const fresh = `${to}.new`;
  const names = [owner.uid, owner.gid, root, newOwner.uid, newOwner.gid, fresh].map(String);
  await run('bash', ['-o', 'pipefail', '-ec', pipe, 'bash', ...names], {
    timeoutMs: copyMs,
    cwd: '/',
    input: Buffer.from(files.map((file) => `${file}\0`).join('')),
  });
  const keep =
    'sync --file-system -- "$1"; mv --no-target-directory -- "$1" "$2"; sync -- "$(dirname -- "$2")"';
  await runAs(newOwner, ['sh', '-ec', keep, 'sh', fresh, to], { timeoutMs: copyMs });
}
