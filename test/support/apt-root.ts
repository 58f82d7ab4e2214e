import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProgramError, run } from '../../daemons/lib/daemon/program.ts';

export type AptAnswer = Readonly<{ accepted: boolean; log: string }>;

/** Debian 12 is the last release that has apt-transport-in-toto, whatever the host is. */
export const verifierSuite = 'bookworm';
export const verifierPackages = [
  'apt-transport-in-toto',
  'in-toto',
  'python3-securesystemslib',
  'python3-pathspec',
  'python3-iso8601',
  'python3-cryptography',
  'gnupg',
] as const;

/** A scratch root with a Debian release's own apt. */
export class AptRoot {
  constructor(readonly folder: string) {}

  /**
   * Unpacks a root into a new folder. The tarball is made with mmdebstrap from the mirror, once: later calls unpack the
   * kept one.
   */
  static async make(options: {
    suite: string;
    packages: readonly string[];
    mirror: string;
    tarball: string;
    folder: string;
  }): Promise<AptRoot> {
    if (!existsSync(options.tarball)) {
      const made = `${options.tarball}.new`;
      await run(
        'mmdebstrap',
        [
          '--format=tar',
          '--variant=apt',
          `--include=${options.packages.join(',')}`,
          '--aptopt=Acquire::Languages "none"',
          '--aptopt=Acquire::Check-Valid-Until "false"',
          options.suite,
          made,
          options.mirror,
        ],
        { timeoutMs: 600_000 },
      );
      await run('mv', [made, options.tarball], { timeoutMs: 10_000 });
    }
    await rm(options.folder, { recursive: true, force: true });
    await mkdir(options.folder, { recursive: true });
    await run('tar', ['-C', options.folder, '-xf', options.tarball], { timeoutMs: 120_000 });
    return new AptRoot(options.folder);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs a program there, in a mount and process namespace of its own that ends with it. */
  async run(program: string, args: readonly string[]): Promise<AptAnswer> {
    const inRoot = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@" 2>&1';
    try {
      const { stdout } = await run(
        'unshare',
        ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', inRoot, this.folder, program, ...args],
        { timeoutMs: 180_000, env: { DEBIAN_FRONTEND: 'noninteractive' } },
      );
      return { accepted: true, log: stdout.toString() };
    } catch (error) {
      if (!(error instanceof ProgramError) || error.code !== 'failed') throw error;
      return { accepted: false, log: `${error.stdout?.toString() ?? ''}${error.stderr}` };
    }
  }

  apt(...args: readonly string[]): Promise<AptAnswer> {
    return this.run('apt-get', args);
  }

  /** Reads the indexes of these archives, the only ones from then on: lines of sources.list. */
  async update(archives: string): Promise<void> {
    await writeFile(this.path('etc/apt/sources.list'), `${archives}\n`);
    await rm(this.path('etc/apt/sources.list.d'), { recursive: true, force: true });
    const answer = await this.apt('update', '-o', 'Acquire::Check-Valid-Until=false');
    if (!answer.accepted) throw new Error(`apt-get update: ${answer.log}`);
  }
}
