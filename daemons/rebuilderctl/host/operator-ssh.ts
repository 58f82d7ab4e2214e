import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uplinkAlias } from '../../lib/contracts/hosts.ts';
import { run, shellStatus, spawnProgram } from '../../lib/daemon/program.ts';
import { findUsers, identityOf, type User } from '../../lib/daemon/users.ts';
import { CommandError } from '../errors.ts';
import { fingerprintOf } from './public-key.ts';

/**
 * ssh as the operator has set it up: with their own keys and configuration, though root runs this; and with their agent,
 * where sudo leaves SSH_AUTH_SOCK: by default it does not, sudo(8) `--preserve-env`.
 */

const askMs = 60_000;
/** Whatever the operator's own configuration says, the connection that is checked is the one that is used: ssh_config(5). */
const ownConnection = [
  'ControlMaster=no',
  'ControlPath=none',
  'KnownHostsCommand=none',
  'RemoteCommand=none',
  'ClearAllForwardings=yes',
].flatMap((option) => ['-o', option]);
const destinationPattern = /^(?:[A-Za-z_][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9.:-]*$/;

/** What the far end proves itself by. */
export interface HostKey {
  /** `ssh-ed25519` and the like. */
  readonly type: string;
  readonly base64: string;
  readonly fingerprint: string;
}

/** Where ssh connects for a name that the operator typed: ssh_config(5). */
export interface Place {
  readonly hostName: string;
  readonly port: number;
  readonly proxyCommand: string | undefined;
}

export class OperatorSsh {
  private constructor(
    readonly destination: string,
    readonly user: User,
    readonly folder: string,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /** Throws a `CommandError` if the destination is none. Ends with `close`. */
  static async open(
    destination: string,
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<OperatorSsh> {
    if (!destinationPattern.test(destination)) {
      throw new CommandError(`expected USER@HOST, found ${JSON.stringify(destination)}`);
    }
    const uid = env.SUDO_UID ?? '0';
    const [user] = await findUsers([uid]);
    if (user === undefined) throw new CommandError(`SUDO_UID: there is no user ${uid}`);
    const folder = await mkdtemp(join(tmpdir(), 'rebuilder-join-'));
    await chown(folder, user.uid, user.gid);
    const passed = ['SSH_AUTH_SOCK', 'TERM'].flatMap((name) =>
      env[name] === undefined ? [] : [[name, env[name]]],
    );
    return new OperatorSsh(destination, user, folder, { HOME: user.home, ...Object.fromEntries(passed) });
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async place(): Promise<Place> {
    const { stdout } = await this.#run(['-G', this.destination], [0]);
    const settings = new Map(
      stdout.split('\n').map((line): [string, string] => {
        const [key = '', value = ''] = line.split(/ (.*)/s);
        return [key, value];
      }),
    );
    if (settings.has('proxyjump')) {
      throw new CommandError(
        `${this.destination} is reached through ${settings.get('proxyjump')}, where the line's user has no key`,
        'let the host be reached directly, or by a ProxyCommand that needs no key',
      );
    }
    return {
      hostName: settings.get('hostname') ?? this.destination,
      port: Number(settings.get('port') ?? 22),
      proxyCommand: settings.get('proxycommand'),
    };
  }

  /** Connects without logging in, so that nothing of ours is shown to whoever answers. */
  async learnHostKey(): Promise<HostKey> {
    const file = join(this.folder, 'learned');
    const { stderr } = await this.#run(
      [
        ...ownConnection,
        ...['-o', `UserKnownHostsFile=${file}`, '-o', 'GlobalKnownHostsFile=/dev/null'],
        ...['-o', 'StrictHostKeyChecking=accept-new', '-o', 'HashKnownHosts=no', '-o', 'UpdateHostKeys=no'],
        ...[
          '-o',
          'PreferredAuthentications=none',
          '-o',
          'BatchMode=yes',
          '-o',
          `HostKeyAlias=${uplinkAlias}`,
        ],
        ...[this.destination, 'true'],
      ],
      [0, 255],
    );
    const text = await readFile(file, 'utf8').catch(() => '');
    const [, type, base64] = /^\S+ ([a-z0-9@.-]+) ([A-Za-z0-9+/=]+)$/m.exec(text) ?? [];
    if (type === undefined || base64 === undefined) {
      throw new CommandError(
        `${this.destination} cannot be reached: ${stderr.trim().split('\n').at(-1) ?? ''}`,
      );
    }
    return { type, base64, fingerprint: fingerprintOf(base64) };
  }

  /** Runs a command there as the operator, who may be asked for passwords; its output is shown. Throws a `CommandError`. */
  async shown(hostKey: HostKey, command: string, isTerminal: boolean): Promise<void> {
    const pinned = join(this.folder, 'pinned');
    await writeFile(pinned, knownHostsText(hostKey));
    await chown(pinned, this.user.uid, this.user.gid);
    const options = [
      ...ownConnection,
      ...['-o', `UserKnownHostsFile=${pinned}`, '-o', 'GlobalKnownHostsFile=/dev/null'],
      ...['-o', 'StrictHostKeyChecking=yes', '-o', `HostKeyAlias=${uplinkAlias}`, '-o', 'UpdateHostKeys=no'],
      ...(isTerminal ? ['-t'] : []),
    ];
    const [program = '', ...args] = this.#command([...options, this.destination, command]);
    const ssh = spawnProgram(program, args, { env: this.env, stdio: ['inherit', 'inherit', 'inherit'] });
    const status = shellStatus(await ssh.exited);
    if (status !== 0) {
      throw new CommandError(
        `${this.destination} did not do it, or did not say so (${status}): this host's line is as it was`,
        'what stands above says why; it is safe to run this again',
      );
    }
  }

  #command(args: readonly string[]): readonly string[] {
    const identity = this.user.uid === 0 ? [] : ['setpriv', ...identityOf(this.user), '--'];
    return [...identity, 'ssh', ...args];
  }

  async #run(args: readonly string[], codes: readonly number[]): Promise<{ stdout: string; stderr: string }> {
    const [program = '', ...rest] = this.#command(args);
    const options = { timeoutMs: askMs, env: this.env, expectCodes: codes };
    const { stdout, stderr } = await run(program, rest, options);
    return { stdout: stdout.toString('utf8'), stderr };
  }
}

export function knownHostsText({ type, base64 }: HostKey): string {
  return `${uplinkAlias} ${type} ${base64}\n`;
}
