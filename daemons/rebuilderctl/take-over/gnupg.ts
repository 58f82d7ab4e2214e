import { chown, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../lib/daemon/program.ts';
import { syncFolder, writeSynced } from '../../lib/objects/files.ts';
import { CommandError } from '../errors.ts';
import type { User } from '../host/machine.ts';

/** Signing keys of PackageRebuilder's attester, to the vault; their public halves to the attester. */

const gpgMs = 300_000;

/** A copy of a GnuPG home that the vault's user works with: gpg writes into whatever home it reads. */
export class HomeCopy {
  private constructor(
    readonly vault: User,
    readonly folder: string,
  ) {}

  static async open(from: string, vault: User): Promise<HomeCopy> {
    const folder = await mkdtemp(join(tmpdir(), 'take-over-'));
    const home = new HomeCopy(vault, folder);
    // Sockets of an agent that runs there are none of ours.
    const isCopied = (path: string) => !/\/(?:S\.[^/]*|[^/]*\.lock|\.#[^/]*)$/.test(path);
    await cp(from, folder, { recursive: true, filter: isCopied });
    const modes = ['chmod', '-R', 'u+rwX,go=', folder];
    for (const [program = '', ...args] of [
      modes,
      ['chown', '-R', '-P', `${vault.uid}:${vault.gid}`, folder],
    ]) {
      await run(program, args, { timeoutMs: gpgMs });
    }
    return home;
  }

  /** Full fingerprints of the primary keys whose secret halves are there. */
  async fingerprints(): Promise<readonly string[]> {
    const listed = await this.#gpg(this.folder, ['--with-colons', '--list-secret-keys']);
    return [...listed.toString('utf8').matchAll(/^sec:.*\n(?:grp:.*\n)?fpr:+([0-9A-F]{40}):/gm)].map(
      ([, fingerprint = '']) => fingerprint,
    );
  }

  /** gpg's own import: what is there already stays as it is. Returns the armoured public key. */
  async giveTo(home: string, fingerprint: string): Promise<string> {
    const { uid, gid } = this.vault;
    await mkdir(home, { recursive: true, mode: 0o700 });
    await chown(home, uid, gid);
    const secret = await this.#gpg(this.folder, ['--export-secret-keys', fingerprint]).catch(
      (error: Error) => {
        throw new CommandError(
          `${fingerprint}: the secret key cannot be read: ${error.message}`,
          'nobody is there to type a passphrase when the line signs: take it off first (gpg --change-passphrase), in a copy',
        );
      },
    );
    await this.#gpg(home, ['--import'], secret);
    return (await this.#gpg(this.folder, ['--armor', '--export', fingerprint])).toString('utf8');
  }

  /** Ends the agents that gpg has left on both homes; the copy is gone then. */
  async close(home: string): Promise<void> {
    for (const one of [this.folder, home]) {
      const [program = '', ...args] = this.#asVault(['gpgconf', '--homedir', one, '--kill', 'all']);
      await run(program, args, { timeoutMs: gpgMs, cwd: '/' }).catch(() => {});
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async #gpg(home: string, args: readonly string[], input?: Buffer): Promise<Buffer> {
    const quiet = ['--batch', '--no-tty', '--quiet', '--pinentry-mode', 'error', '--homedir', home];
    const [program = '', ...rest] = this.#asVault(['gpg', ...quiet, ...args]);
    const options = { timeoutMs: gpgMs, cwd: '/', env: { HOME: home } };
    return (await run(program, rest, input === undefined ? options : { ...options, input })).stdout;
  }

  #asVault(command: readonly string[]): readonly string[] {
    const { uid, gid } = this.vault;
    return ['setpriv', '--reuid', String(uid), '--regid', String(gid), '--init-groups', '--', ...command];
  }
}

/** The public half, where the attester looks for it. */
export async function givePublicKey(
  folder: string,
  fingerprint: string,
  armored: string,
  owner: User,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chown(folder, owner.uid, owner.gid);
  const path = join(folder, `${fingerprint}.asc`);
  await writeSynced(`${path}.new`, armored, { flags: 'w' });
  await chown(`${path}.new`, owner.uid, owner.gid);
  await rename(`${path}.new`, path);
  await syncFolder(folder);
}
