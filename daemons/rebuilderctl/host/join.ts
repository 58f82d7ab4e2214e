import { existsSync } from 'node:fs';
import { chown, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseHostName, uplinkAlias, uplinkConfigFile, uplinkFolder } from '../../lib/contracts/hosts.ts';
import { qubeOf } from '../../lib/contracts/qubes.ts';
import { run } from '../../lib/daemon/program.ts';
import { findUsers, identityOf, type User } from '../../lib/daemon/users.ts';
import { readIfThere, replaceFile } from '../../lib/objects/durable-file.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { makeOpenFolder } from './machine.ts';
import { type HostKey, knownHostsText, OperatorSsh, type Place } from './operator-ssh.ts';
import { fingerprintOf } from './public-key.ts';

/** Makes the line of this host a rebuilder of another's. */

const quickMs = 60_000;
const at = (name: string) => join(uplinkFolder, name);
const paths = {
  key: at('id_ed25519'),
  knownHosts: at('known_hosts'),
  config: at(uplinkConfigFile),
  /** Last: with it the line is a rebuilder of another's. */
  environment: at('environment'),
};

export interface JoinOptions {
  /** The fingerprint that the far end must have; else it is the one that it had, or the operator is asked. */
  readonly hostKey: string | undefined;
}

/**
 * Does all of it or, run again, what is left of it. Answers what the far end says to the new key: `ready`, or why not yet.
 * Throws a `CommandError`.
 */
export async function joinHost(
  context: Context,
  destination: string,
  untrustedName: string,
  { hostKey }: JoinOptions,
): Promise<string> {
  const name = parseHostName(untrustedName);
  const [owner] = await findUsers([qubeOf('orchestrator')]);
  if (owner === undefined) throw new CommandError(`user ${qubeOf('orchestrator')} is missing`);
  const ssh = await OperatorSsh.open(destination, context.env);
  try {
    const place = await ssh.place();
    const config = configText(name, place);
    const before = await readIfThere(paths.config);
    if (before !== undefined && before !== config) {
      throw new CommandError(
        `this host has joined another line, or by another name: see ${paths.config}`,
        'rebuilderctl host leave',
      );
    }
    const pinned =
      (await pinnedKey(hostKey)) ?? (await agreeOn(await ssh.learnHostKey(), destination, hostKey));
    await makeOpenFolder(uplinkFolder);
    const key = await makeKey(owner);
    await ssh.shown(pinned, acceptCommand(name, key), process.stdin.isTTY === true);
    await write(paths.knownHosts, knownHostsText(pinned));
    await write(paths.config, config);
    await write(paths.environment, `REBUILDER_UPLINK=--uplink ${uplinkFolder}\n`);
    return await tryOut(owner);
  } finally {
    await ssh.close();
  }
}

/** Whether this host had joined a line. */
export async function leaveHost(): Promise<boolean> {
  if (!existsSync(uplinkFolder)) return false;
  await rm(paths.environment, { force: true });
  await rm(uplinkFolder, { recursive: true });
  return true;
}

/** Only a file that differs is written. */
async function write(path: string, text: string): Promise<void> {
  if ((await readIfThere(path)) === text) return;
  await replaceFile(path, text, 0o644);
}

/** What was agreed on before, which nothing but leaving undoes. */
async function pinnedKey(expected: string | undefined): Promise<HostKey | undefined> {
  const [, type, base64] = (await readIfThere(paths.knownHosts))?.trim().split(' ') ?? [];
  if (type === undefined || base64 === undefined) return undefined;
  const fingerprint = fingerprintOf(base64);
  if (expected !== undefined && expected !== fingerprint) {
    throw new CommandError(
      `${paths.knownHosts} has the host key ${fingerprint}, expected ${expected}`,
      'if that host has another key now: rebuilderctl host leave, then join again',
    );
  }
  return { type, base64, fingerprint };
}

/** Nobody is trusted because they answered first. */
async function agreeOn(found: HostKey, destination: string, expected: string | undefined): Promise<HostKey> {
  const shown = `${found.type} ${found.fingerprint}`;
  const compare = `for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done    # on ${destination}`;
  if (expected !== undefined) {
    if (expected === found.fingerprint) return found;
    throw new CommandError(`${destination} shows ${shown}, expected ${expected}`, `compare: ${compare}`);
  }
  if (process.stdin.isTTY !== true) {
    throw new CommandError(
      `${destination} shows the host key ${shown}, and there is nobody to ask whether that is the right one`,
      `compare: ${compare}\nthen add --host-key ${found.fingerprint}`,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `${destination} shows the host key ${shown}.\nCompare it with what is said there by\n  ${compare}\nIs it the same? (yes/no) `;
    if ((await terminal.question(question)).trim() === 'yes') return found;
  } finally {
    terminal.close();
  }
  throw new CommandError('not joined: the host key was not confirmed');
}

/** This host's own key, which only the line's user for calls to that host reads; its public half. */
async function makeKey(owner: Readonly<{ uid: number; gid: number }>): Promise<string> {
  if (!existsSync(paths.key)) {
    const fresh = `${paths.key}.new`;
    await rm(fresh, { force: true });
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', fresh], { timeoutMs: quickMs });
    await rm(`${fresh}.pub`);
    await chown(fresh, owner.uid, owner.gid);
    await run('sync', [fresh], { timeoutMs: quickMs });
    await rename(fresh, paths.key);
  }
  const { stdout } = await run('ssh-keygen', ['-y', '-f', paths.key], { timeoutMs: quickMs });
  return stdout.toString('utf8').trim();
}

/** Name and key are of alphabets that no shell reads anything into. */
function acceptCommand(name: string, key: string): string {
  const [type, base64] = key.split(' ');
  return `sh -c '[ $(id -u) = 0 ] || as=sudo; exec $as rebuilderctl host accept ${name} "${type} ${base64}"'`;
}

/** ssh_config(5): nothing is asked, nothing else is tried, and a connection that died is noticed as soon as qrexec would. */
function configText(name: string, { hostName, port, proxyCommand }: Place): string {
  const lines = [
    `Host ${uplinkAlias}`,
    `HostName ${hostName}`,
    `Port ${port}`,
    `User ${name}`,
    ...(proxyCommand === undefined ? [] : [`ProxyCommand ${proxyCommand}`]),
    `HostKeyAlias ${uplinkAlias}`,
    `UserKnownHostsFile ${paths.knownHosts}`,
    'GlobalKnownHostsFile /dev/null',
    'StrictHostKeyChecking yes',
    'UpdateHostKeys no',
    `IdentityFile ${paths.key}`,
    'IdentitiesOnly yes',
    'IdentityAgent none',
    'PreferredAuthentications publickey',
    'BatchMode yes',
    'ForwardAgent no',
    'ClearAllForwardings yes',
    'ConnectTimeout 20',
    'ServerAliveInterval 15',
    'ServerAliveCountMax 4',
    'LogLevel ERROR',
  ];
  return `${lines.join('\n')}\n`;
}

/** Asks the far end for no service, by the new key and as the line will. */
async function tryOut(owner: User): Promise<string> {
  const ssh = ['ssh', '-F', paths.config, '-T', uplinkAlias];
  const { stdout, stderr, exitCode } = await run('setpriv', [...identityOf(owner), '--', ...ssh], {
    timeoutMs: quickMs,
    cwd: '/',
    env: { HOME: '/' },
    expectCodes: [0, 1, 255],
  });
  return exitCode === 0 ? stdout.toString('utf8').trim() : (stderr.trim().split('\n').at(-1) ?? '');
}
