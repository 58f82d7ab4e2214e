import { cp, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../lib/daemon/program.ts';
import type { User } from '../../lib/daemon/users.ts';
import { CommandError } from '../errors.ts';
import { asUser, makeFolderAs, runAs, writeAs } from './as-user.ts';

/** Signing keys of PackageRebuilder's attester, to the vault; their public halves to the attester. */

const gpgMs = 300_000;

/** A copy of a GnuPG home that the vault's user works with: gpg writes into whatever home it reads. */
export class HomeCopy {
  private constructor(
    readonly vault: User,
    readonly folder: string,
  ) {}

  /** In memory, where it is gone with the machine at the latest. */
  static async open(from: string, vault: User): Promise<HomeCopy> {
    const home = new HomeCopy(vault, await mkdtemp('/run/take-over-'));
    try {
      await home.#fill(from);
      return home;
    } catch (error) {
      await home.close();
      throw error;
    }
  }

  async #fill(from: string): Promise<void> {
    const { folder, vault } = this;
    // Sockets of an agent that runs there are none of ours.
    const isCopied = (path: string) => !/\/(?:S\.[^/]*|[^/]*\.lock|\.#[^/]*)$/.test(path);
    await cp(from, folder, { recursive: true, filter: isCopied });
    await run('chmod', ['-R', 'u+rwX,go=', folder], { timeoutMs: gpgMs });
    await run('chown', ['-R', '-P', `${vault.uid}:${vault.gid}`, folder], { timeoutMs: gpgMs });
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
    await makeFolderAs(this.vault, home);
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

  /** Ends the agent that gpg has left on a home; a line that runs gets another, and asks again where that cut a signature off. */
  async endAgent(home: string): Promise<void> {
    await runAs(this.vault, ['gpgconf', '--homedir', home, '--kill', 'all']).catch(() => {});
  }

  async close(): Promise<void> {
    await this.endAgent(this.folder);
    await rm(this.folder, { recursive: true, force: true });
  }

  async #gpg(home: string, args: readonly string[], input?: Buffer): Promise<Buffer> {
    const quiet = ['--batch', '--no-tty', '--quiet', '--pinentry-mode', 'error', '--homedir', home];
    const [program, rest] = asUser(this.vault, ['gpg', ...quiet, ...args]);
    const options = { timeoutMs: gpgMs, cwd: '/', env: { HOME: home } };
    return (await run(program, rest, input === undefined ? options : { ...options, input })).stdout;
  }
}

/** The public half, where the attester looks for it. */
export async function givePublicKey(
  folder: string,
  fingerprint: string,
  armored: string,
  owner: User,
): Promise<void> {
  await makeFolderAs(owner, folder);
  await writeAs(owner, join(folder, `${fingerprint}.asc`), Buffer.from(armored));
}
