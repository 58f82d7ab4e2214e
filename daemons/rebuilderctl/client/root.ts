import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isCode, statOf } from '../../lib/objects/files.ts';
import { CommandError } from '../errors.ts';
import { readCapped } from '../read-file.ts';

/** A file as it is, or as it shall be. */
export type FileState = Readonly<{ content: Buffer; mode: number }>;

/** The machine that is looked at or set up: this one, or one whose root is a folder here. */
export class Root {
  private constructor(readonly folder: string) {}

  /** @throws CommandError when there is no such folder */
  static async open(folder = '/'): Promise<Root> {
    const real = await realpath(folder).catch((cause) => {
      throw new CommandError(`--root ${folder}: there is no such folder`, undefined, undefined, { cause });
    });
    if (!(await statOf(real))?.isDirectory()) throw new CommandError(`--root ${folder}: is not a folder`);
    // It is named in a file of apt's own syntax.
    if (/["\n\\%]/.test(real))
      throw new CommandError(`--root ${folder}: a path that apt's files cannot name`);
    return new Root(real);
  }

  get isThisMachine(): boolean {
    return this.folder === '/';
  }

  /**
   * Where a path of that machine is here.
   *
   * @throws CommandError when a symbolic link on the way leads out of its root
   */
  async at(path: string): Promise<string> {
    const here = join(this.folder, path);
    if (this.isThisMachine) return here;
    for (let known = here; ; known = dirname(known)) {
      const real = await realpath(known).catch((error) => {
        if (isCode(error, 'ENOENT')) return undefined;
        throw error;
      });
      if (real === undefined) continue;
      if (real === this.folder || real.startsWith(`${this.folder}/`)) return here;
      throw new CommandError(
        `${here}: a symbolic link leads out of ${this.folder}, to ${real}`,
        'Replace it by a relative one, or by the file itself.',
      );
    }
  }

  /** A file of at most `max` bytes; undefined if there is none. */
  async read(path: string, max: number): Promise<FileState | undefined> {
    const here = await this.at(path);
    const found = await statOf(here);
    if (found === undefined) return undefined;
    if (!found.isFile()) throw new CommandError(`${here}: is not a file`);
    return { content: await readCapped(here, max), mode: found.mode & 0o777 };
  }

  /** The names in a folder, sorted; none if it is not there. */
  async names(folder: string): Promise<readonly string[]> {
    const here = await this.at(folder);
    return (await readdir(here).catch(() => [])).sort();
  }

  async has(path: string): Promise<boolean> {
    return (await statOf(await this.at(path))) !== undefined;
  }

  /** For a message: the path as somebody on this machine types it. */
  shown(path: string): string {
    return join(this.folder, path);
  }
}
