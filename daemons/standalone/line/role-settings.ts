import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import type { DaemonRole } from '../../lib/domain/roles.ts';
import type { Folders } from './folders.ts';
import type { Owner } from './users.ts';
import { type VaultKey, vaultKeyMark } from './vault-key.ts';

/** Gives a role its own copy of the configuration, with the vault's key in it. */
export function writeRoleConfig(
  role: DaemonRole,
  from: string,
  { folders, owner, key }: Readonly<{ folders: Folders; owner: Owner; key: VaultKey | undefined }>,
): void {
  const config = folders.config(role);
  const text = readFileSync(from, 'utf8');
  writeFileSync(config, key === undefined ? text : text.replaceAll(vaultKeyMark, key.fingerprint), {
    mode: 0o600,
  });
  chownSync(config, owner.uid, owner.gid);
}

/** What systemd would set for a role's unit, and how it reaches the others. */
export function roleEnvironment(
  role: DaemonRole,
  owner: Owner,
  { folders, path, lib, client }: Readonly<{ folders: Folders; path: string; lib: string; client: string }>,
): Readonly<Record<string, string>> {
  return {
    HOME: folders.state(role),
    USER: owner.name,
    LOGNAME: owner.name,
    PATH: path,
    STATE_DIRECTORY: folders.state(role),
    CACHE_DIRECTORY: folders.cache(role),
    RUNTIME_DIRECTORY: folders.runtime(role),
    PACKAGE_REBUILDER_CONF: folders.config(role),
    PACKAGE_REBUILDER_LIB: lib,
    QREXEC_CLIENT_VM: client,
    QREXEC_AGENT_SOCKET: folders.caller(role),
  };
}
