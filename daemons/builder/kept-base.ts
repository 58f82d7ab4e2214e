import { spawnProgram } from '../lib/daemon/program.ts';
import type { OutgoingObject } from '../lib/wire/frame.ts';
import { BuildFailure } from './failure.ts';
import { must, type ProgramOptions } from './programs.ts';
import type { Scratch } from './scratch.ts';

/** A base as a tarball: packed so that whoever makes it from the same packages makes the same bytes. */

const zstd = 'zstd -1 -T2 --no-progress -q';

const tarOptions = ['--numeric-owner', '--xattrs', '--xattrs-include=security.capability'];

/** Unpacks a kept base while it still arrives; whether it arrived whole is the caller's to check. */
export async function unpackBase(
  scratch: Scratch,
  bytes: AsyncIterable<Uint8Array>,
  options: ProgramOptions,
): Promise<void> {
  await must(
    'unpacking the kept base',
    'sandbox',
    'tar',
    [
      '--extract',
      '--file=-',
      '--use-compress-program=zstd',
      '--preserve-permissions',
      ...tarOptions,
      `--directory=${scratch.root}`,
    ],
    { ...options, input: bytes },
  );
}

/**
 * The base as tarball: sorted, no device nodes, times later than `epoch` set to it (files of packages keep theirs).
 *
 * @param epoch seconds since 1970
 */
export function packedBase(scratch: Scratch, epoch: number): OutgoingObject {
  return { bytes: () => pack(scratch, epoch) };
}

async function* pack(scratch: Scratch, epoch: number): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawnProgram(
    'tar',
    [
      '--create',
      '--file=-',
      `--use-compress-program=${zstd}`,
      '--sort=name',
      '--format=posix',
      '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
      `--mtime=@${epoch}`,
      '--clamp-mtime',
      '--exclude=./dev/*',
      ...tarOptions,
      `--directory=${scratch.root}`,
      '.',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  child.stderr.resume();
  yield* child.stdout;
  const { code } = await child.exited;
  if (code !== 0) throw new BuildFailure('sandbox', `packing the base failed: tar ended with code ${code}`);
}
