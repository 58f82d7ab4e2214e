import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

/** Where the published tree goes. */
export type Target =
  | Readonly<{ kind: 'ssh'; host: string; port: number; basedir: string; key: string; knownHosts: string }>
  | Readonly<{ kind: 'folder'; basedir: string }>;

/** What `rebuilder.conf` says of one project's mirror. */
export interface TargetSettings {
  /** `[USER@]HOST[:PORT]`, an IPv6 address in brackets; none: the base folder is a local one. */
  readonly host: string | undefined;
  readonly basedir: string | undefined;
  /** A path, or as in the seed the name of a file in an `ssh` folder. */
  readonly key: string | undefined;
}

/** A mirror that cannot be used as configured: found before anything is sent. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
  readonly code = 'target';
}

const hostPattern =
  /^(?<login>(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]))(?::(?<port>\d{1,5}))?$/;

/** One shell and several rsyncs read it on the way: nothing that any of them would take for more than a name. */
const remoteFolder = /^[A-Za-z0-9._/~][A-Za-z0-9._/~+-]*$/;

/**
 * Works out a project's mirror.
 *
 * @param sshFolders where the key and `known_hosts` are looked for, best first
 * @returns undefined if none is configured
 * @throws TargetError naming the key of the configuration, what was found and what to do
 */
export async function targetOf(
  settings: TargetSettings,
  sshFolders: readonly string[],
): Promise<Target | undefined> {
  const { host, basedir } = settings;
  if (basedir === undefined) {
    if (host === undefined) return undefined;
    throw new TargetError(
      'repo-remote-ssh-host is set, but repo-remote-ssh-basedir is not: say where on the host',
    );
  }
  if (host === undefined) {
    if (!isAbsolute(basedir)) {
      throw new TargetError(
        `repo-remote-ssh-basedir: found ${JSON.stringify(basedir)} and no repo-remote-ssh-host, expected an absolute path of this machine`,
      );
    }
    return { kind: 'folder', basedir };
  }
  const { login, port } = hostPattern.exec(host)?.groups ?? {};
  const portNumber = Number(port ?? 22);
  if (login === undefined || portNumber < 1 || portNumber > 65_535) {
    throw new TargetError(`repo-remote-ssh-host: found ${JSON.stringify(host)}, expected [USER@]HOST[:PORT]`);
  }
  if (!remoteFolder.test(basedir)) {
    throw new TargetError(
      `repo-remote-ssh-basedir: found ${JSON.stringify(basedir)}, expected a folder of letters, digits and ._/~+-`,
    );
  }
  if (settings.key === undefined) {
    throw new TargetError('repo-ssh-key is not set: name the private key that may write to the mirror');
  }
  return {
    kind: 'ssh',
    host: login,
    port: portNumber,
    basedir,
    key: await findFile(settings.key, sshFolders, 'repo-ssh-key', 'the private key of the mirror'),
    knownHosts: await findFile(
      'known_hosts',
      sshFolders,
      'the host key is not pinned',
      `the output of \`ssh-keyscan -p ${portNumber} ${hostName(login)}\`, after its fingerprint was compared`,
    ),
  };
}

/** A line for people, and the name under which what was sent is remembered. */
export function describeTarget(target: Target): string {
  return target.kind === 'folder' ? target.basedir : `${target.host}:${target.port}:${target.basedir}`;
}

function hostName(login: string): string {
  return login.slice(login.indexOf('@') + 1);
}

async function findFile(
  name: string,
  folders: readonly string[],
  what: string,
  content: string,
): Promise<string> {
  const places = isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name));
  for (const place of places) {
    if (await isFile(place)) return place;
  }
  throw new TargetError(`${what}: there is no ${places.join(', nor ')}: put ${content} there`);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
