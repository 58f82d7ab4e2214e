import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostCallProgram, hostKeysFile, hostsFolder, parseHostName } from '../../lib/contracts/hosts.ts';
import { callerSocket, installedLine } from '../../lib/contracts/line.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import { run } from '../../lib/daemon/program.ts';
import { findUsers } from '../../lib/daemon/users.ts';
import { readIfThere, replaceFile } from '../../lib/objects/durable-file.ts';
import { CommandError } from '../errors.ts';
import { makeOpenFolder, reloadLine } from './machine.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';

/** The hosts that may call the line of this one, as rebuilders. */

export interface AcceptedHost {
  readonly name: string;
  readonly fingerprint: string;
  /** Whether the line that runs here takes its calls. */
  readonly known: boolean;
}

/** `taken`: it may call now; `stopped`: once the line runs; `silent`: the line runs, and has not made its socket in a while. */
export type Acceptance = 'taken' | 'stopped' | 'silent';

const quickMs = 60_000;

const socketOf = (name: string) => callerSocket(installedLine, name);

/** `restrict`: no terminal, no forwarding of anything, no rc file; and one program. */
function keysText(name: string, key: PublicKey): string {
  return `restrict,command="${hostCallProgram} ${socketOf(name)}" ${key.text} ${name}\n`;
}

async function keyOf(name: string): Promise<PublicKey | undefined> {
  const text = await readIfThere(join(hostsFolder, name, hostKeysFile));
  const key = text === undefined ? undefined : /ssh-ed25519 \S+/.exec(text)?.[0];
  return key === undefined ? undefined : parsePublicKey(key);
}

/** Lets the host that has this key call as the rebuilder NAME; safe to run again. Throws a `CommandError`. */
export async function acceptHost(
  untrustedName: string,
  untrustedKey: string,
  clock: Clock,
): Promise<Acceptance> {
  const name = parseHostName(untrustedName);
  const key = parsePublicKey(untrustedKey);
  const present = await keyOf(name);
  if (present !== undefined && present.text !== key.text) {
    throw new CommandError(
      `${name} has joined already, with another key (${present.fingerprint})`,
      `choose another name; or, if that host is no more, rebuilderctl host remove ${name}`,
    );
  }
  const home = join(hostsFolder, name);
  const [user] = await findUsers([name]);
  if (user !== undefined && user.home !== home) {
    throw new CommandError(`${name} is a user of this host already`, 'choose another name');
  }
  if (user === undefined) {
    if (await isGroup(name)) {
      throw new CommandError(`${name} is a group of this host already`, 'choose another name');
    }
    await addUser(name, home);
  }
  const path = join(home, hostKeysFile);
  for (const folder of [hostsFolder, home, dirname(path)]) await makeOpenFolder(folder);
  if (present === undefined) await replaceFile(path, keysText(name, key), 0o644);
  if (existsSync(socketOf(name))) return 'taken';
  if (!(await reloadLine())) return 'stopped';
  await appears(socketOf(name), clock);
  return existsSync(socketOf(name)) ? 'taken' : 'silent';
}

/** Not for ever: why it does not is in the line's journal. */
async function appears(path: string, clock: Clock): Promise<void> {
  for (let tries = 0; tries < 50 && !existsSync(path); tries++) await clock.sleep(100);
}

async function isGroup(name: string): Promise<boolean> {
  const { exitCode } = await run('getent', ['group', name], { timeoutMs: quickMs, expectCodes: [0, 2] });
  return exitCode === 0;
}

/** `*` and not `!`, which some sshd take for an account that nobody may use. */
async function addUser(name: string, home: string): Promise<void> {
  const about = ['--comment', 'package-rebuilder, a rebuilder on another host', '--password', '*'];
  const account = ['--system', '--user-group', '--no-create-home', '--home-dir', home, '--shell', '/bin/sh'];
  await run('useradd', [...account, ...about, '--', name], { timeoutMs: quickMs });
}

/** What it holds then is lent again when its lease is over. Returns false if no such host has joined. */
export async function removeHost(untrustedName: string, clock: Clock): Promise<boolean> {
  const name = parseHostName(untrustedName);
  const home = join(hostsFolder, name);
  const [user] = await findUsers([name]);
  const isOurs = user?.home === home;
  if (!isOurs && !existsSync(home)) return false;
  await rm(home, { recursive: true, force: true });
  await reloadLine();
  if (isOurs) await removeUser(name, clock);
  return true;
}

/** Its calls have ended with its socket; their logins take a moment longer. */
async function removeUser(name: string, clock: Clock): Promise<void> {
  const isBusy = 8;
  for (let tries = 0; tries < 20; tries++) {
    const { exitCode } = await run('userdel', ['--', name], { timeoutMs: quickMs, expectCodes: [0, isBusy] });
    if (exitCode === 0) return;
    await clock.sleep(250);
  }
  await run('userdel', ['--force', '--', name], { timeoutMs: quickMs });
}

export async function listHosts(): Promise<readonly AcceptedHost[]> {
  const names = existsSync(hostsFolder) ? await readdir(hostsFolder) : [];
  const found = await Promise.all(
    names.sort().map(async (name) => {
      const key = await keyOf(name);
      return key === undefined
        ? []
        : [{ name, fingerprint: key.fingerprint, known: existsSync(socketOf(name)) }];
    }),
  );
  return found.flat();
}
