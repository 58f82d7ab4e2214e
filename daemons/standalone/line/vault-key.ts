import { chownSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../lib/daemon/program.ts';
import { identityOf } from '../../lib/daemon/users.ts';
import { parseFingerprint } from '../../lib/domain/names.ts';
import { signedVerdicts } from '../../lib/domain/verdict.ts';
import type { Folders } from './folders.ts';
import type { Owners } from './users.ts';

/** Stands in a configuration for the fingerprint of the key that the vault makes. */
export const vaultKeyMark = '@VAULT_KEY@';

const timeoutMs = 60_000;

export interface VaultKey {
  readonly fingerprint: string;
  /** The armoured public key. */
  readonly file: string;
}

/**
 * Has the vault make a signing key unless it made one here before, and brings the public half to the attester, as an
 * operator carries it from qube to qube.
 */
export async function makeVaultKey(
  userId: string,
  folders: Folders,
  owners: Owners,
  program: readonly string[],
): Promise<VaultKey> {
  const kept = join(folders.root, 'vault-key');
  const text = read(kept) ?? (await askVault(['make', userId], folders, owners, program));
  if (read(kept) === undefined) {
    writeFileSync(`${kept}.new`, text);
    renameSync(`${kept}.new`, kept);
  }
  const [name, ...armoured] = text.split('\n');
  const fingerprint = parseFingerprint(name);
  const folder = join(folders.state('attester'), 'keys');
  const file = join(folder, `${fingerprint}.asc`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(file, armoured.join('\n'));
  giveAttester(owners, [folder, file]);
  const shown = join(folders.root, 'vault-key.asc');
  writeFileSync(shown, armoured.join('\n'), { mode: 0o644 });
  return { fingerprint, file: shown };
}

/** Brings the public halves of the keys by which `rebuilder.Sign` signs verdicts to the attester, too. */
export async function bringSignKeys(
  folders: Folders,
  owners: Owners,
  program: readonly string[],
): Promise<void> {
  const folder = join(folders.state('attester'), 'keys');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await Promise.all(
    signedVerdicts.map(async (verdict) => {
      const file = join(folder, `${verdict}.pem`);
      writeFileSync(file, await askVault(['public', verdict], folders, owners, program));
      giveAttester(owners, [folder, file]);
    }),
  );
}

function giveAttester(owners: Owners, paths: readonly string[]): void {
  const { uid, gid } = owners.of('attester');
  for (const path of paths) chownSync(path, uid, gid);
}

async function askVault(
  args: readonly string[],
  folders: Folders,
  owners: Owners,
  program: readonly string[],
): Promise<string> {
  const identity = owners.separate ? identityOf(owners.of('vault')) : [];
  const state = folders.state('vault');
  const { stdout } = await run('setpriv', [...identity, '--', ...program, ...args], {
    timeoutMs,
    cwd: state,
    env: { STATE_DIRECTORY: state, HOME: state },
  });
  return stdout.toString('utf8');
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
