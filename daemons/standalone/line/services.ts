import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { isDaemonRole } from '../../lib/domain/roles.ts';
import type { Folders } from './folders.ts';
import { type QubeRole, qubeRoles } from './roles.ts';

/** Where a role's sockets are when systemd runs it: its RuntimeDirectory. */
const installedRuntime = /^\/run\/package-rebuilder\/([a-z]+)\/([A-Za-z0-9_.-]+)$/;

/**
 * Lays out each door's services; links to daemons' sockets lead into this line. Where the orchestrator is another host's,
 * the program `uplink` stands for each of its services.
 */
export function layOutServices(source: string, folders: Folders, uplink: string | undefined): void {
  rmSync(folders.services, { force: true, recursive: true });
  for (const door of ['orchestrator', 'vault', 'disposable']) {
    const from = join(source, door);
    const to = join(folders.services, door);
    mkdirSync(to, { recursive: true, mode: 0o755 });
    if (!existsSync(from)) continue;
    for (const name of readdirSync(from)) {
      const path = join(from, name);
      if (uplink !== undefined && door === 'orchestrator') symlinkSync(uplink, join(to, name));
      else if (lstatSync(path).isSymbolicLink())
        symlinkSync(inThisLine(readlinkSync(path), folders), join(to, name));
      else cpSync(path, join(to, name), { recursive: true });
    }
  }
}

function inThisLine(target: string, folders: Folders): string {
  const [, role, file] = installedRuntime.exec(target) ?? [];
  if (role === undefined || file === undefined || !isQubeRole(role)) return target;
  return join(folders.runtime(role), file);
}

function isQubeRole(text: string): text is QubeRole {
  return isDaemonRole(text) || (qubeRoles as readonly string[]).includes(text);
}
