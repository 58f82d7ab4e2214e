import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** The folders of one call, all on the disposable's scratch volume, so that moving a file copies nothing. */
export interface Scratch {
  readonly dir: string;
  /** The .dsc and what it lists. */
  readonly sources: string;
  /** Packages of the base, and all others. */
  readonly basePackages: string;
  readonly otherPackages: string;
  /** The environment that the package is built in. */
  readonly root: string;
  readonly temporary: string;
}

/** Makes the folders anew; what an earlier call left there is removed. */
export async function openScratch(volume: string): Promise<Scratch> {
  const dir = join(volume, 'build');
  await rm(dir, { recursive: true, force: true });
  const scratch: Scratch = {
    dir,
    sources: join(dir, 'sources'),
    basePackages: join(dir, 'base'),
    otherPackages: join(dir, 'others'),
    root: join(dir, 'root'),
    temporary: join(dir, 'tmp'),
  };
  await mkdir(dir, { recursive: true, mode: 0o755 });
  for (const folder of [scratch.sources, scratch.basePackages, scratch.otherPackages, scratch.temporary]) {
    await mkdir(folder);
  }
  await mkdir(scratch.root, { mode: 0o755 });
  return scratch;
}

/** Bytes that can still be written. */
export async function roomOn(scratch: Scratch): Promise<number> {
  const disk = await statfs(scratch.dir);
  return disk.bavail * disk.bsize;
}
