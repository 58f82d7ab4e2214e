import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { qubeOf } from '../../daemons/lib/contracts/qubes.ts';
import { type DaemonRole, daemonRoles } from '../../daemons/lib/domain/roles.ts';
import { signedVerdicts } from '../../daemons/lib/domain/verdict.ts';
import { answersCalls, type QubeRole } from '../../daemons/standalone/line/roles.ts';
import { machinesMirror, officialLine } from '../support/beside-mirror.ts';
import type { Machine } from '../support/machine.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { JoinedQubes } from './joined-qubes.ts';

/** A webhook is only where somebody asks for one. */
export type LineRole = Exclude<DaemonRole, 'webhook'>;
export const lineRoles = daemonRoles.filter((role): role is LineRole => role !== 'webhook');

const own = 'rw/config/package-rebuilder';
const conf = `${own}/rebuilder.conf`;

/** A whole line of installed qubes, set up as docs/qubes-os.md has it, with a mirror that the uploader alone can reach. */
export class InstalledLine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'installed-line-'));
  readonly #qubes = new Map<QubeRole, Machine>();
  #sshd: Sshd | undefined;
  vaultKey = { fingerprint: '', armored: '' };

  private constructor(readonly joined: JoinedQubes) {}

  static async open(): Promise<InstalledLine> {
    const line = new InstalledLine(await JoinedQubes.open());
    try {
      await line.#start();
      return line;
    } catch (error) {
      await line.close();
      throw error;
    }
  }

  qube(role: QubeRole): Machine {
    const machine = this.#qubes.get(role);
    if (machine === undefined) throw new Error(`no qube of ${role}`);
    return machine;
  }

  /** What the mirror holds. */
  get mirror(): string {
    return join(this.#folder, 'mirror');
  }

  async #start(): Promise<void> {
    const boot = async (role: QubeRole) => {
      this.#qubes.set(role, await this.joined.boot(role, await settingsOf(role)));
    };
    await Promise.all(lineRoles.filter(answersCalls).map(boot));
    const callers = lineRoles.filter((role) => !answersCalls(role));
    await Promise.all([...callers, 'admin' as const].map(boot));
    await Promise.all([this.#bringKeys(), this.#joinMirror()]);
  }

  /** The vault makes the keys; their public halves are carried to the attester. */
  async #bringKeys(): Promise<void> {
    const state = '/var/lib/package-rebuilder';
    const inVault = ['-u', qubeOf('vault'), '--', 'env', `STATE_DIRECTORY=${state}/vault`, 'node'];
    const ask = async (...args: readonly string[]) =>
      await this.qube('vault').run(
        'runuser',
        ...[...inVault, '/usr/lib/package-rebuilder/rebuilder-keys.js', ...args],
      );
    const [fingerprint = '', ...armored] = (await ask('make', 'Our rebuilder <us@example.org>')).split('\n');
    this.vaultKey = { fingerprint, armored: armored.join('\n') };
    const bring = (name: string, text: string) =>
      this.#give('attester', `${state}/attester/keys/${name}`, text, '644');
    await bring(`${fingerprint}.asc`, this.vaultKey.armored);
    for (const verdict of signedVerdicts) await bring(`${verdict}.pem`, await ask('public', verdict));
    const settings = `[common]\nopenpgp = qubes.Gpg2\nin-toto-sign-key-fpr = ${fingerprint}\n`;
    await this.#configure('attester', settings);
  }

  /** A real sshd at the other end of the uploader's network, which nobody else has. */
  async #joinMirror(): Promise<void> {
    const at = join(this.#folder, 'sshd');
    for (const folder of [at, this.mirror]) mkdirSync(folder);
    const sshd = await startSshd(at, 0, this.qube('uploader').init);
    this.#sshd = sshd;
    await this.#give('uploader', `/${own}/ssh/mirror`, readFileSync(sshd.clientKey, 'utf8'), '600');
    await this.#give('uploader', `/${own}/ssh/known_hosts`, sshd.knownHost, '640');
    const host = `${sshd.user}@127.0.0.1:${sshd.port}`;
    const where = `repo-remote-ssh-host = ${host}\nrepo-remote-ssh-basedir = ${this.mirror}\n`;
    await this.#configure('uploader', `[common]\nrepo-ssh-key = mirror\n${where}`);
  }

  /** A file of the user that a role runs as. */
  async #give(role: LineRole, path: string, text: string, mode: string): Promise<void> {
    const machine = this.qube(role);
    const owner = ['-o', qubeOf(role), '-g', qubeOf(role)];
    await machine.run('install', '-d', '-m', '750', ...owner, dirname(path));
    writeFileSync(machine.path('root/brought'), text);
    await machine.run('install', '-m', mode, ...owner, '/root/brought', path);
  }

  async #configure(role: LineRole, settings: string): Promise<void> {
    const machine = this.qube(role);
    mkdirSync(machine.path(own), { recursive: true });
    writeFileSync(machine.path(conf), settings);
    await machine.run('systemctl', 'restart', `package-rebuilder-${role}`);
  }

  async close(): Promise<void> {
    await this.#sshd?.stop();
    await this.joined.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What is known before a qube boots. The mirror of the machine that runs the test is the archive. */
async function settingsOf(role: QubeRole) {
  if (role === 'getter') {
    const settings = `[debian]\nmirror = ${officialLine(await machinesMirror())}\n`;
    return { isNetworked: true, files: { [conf]: settings } };
  }
  // Made after the results are delivered, for later builds: there are none.
  return role === 'rebuilder' ? { files: { [conf]: '[common]\nkeep-bases = no\n' } } : {};
}
