import { existsSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { hostCallProgram } from '../../lib/contracts/hosts.ts';
import { run } from '../../lib/daemon/program.ts';
import { CommandError } from '../errors.ts';

const quickMs = 60_000;

/** Throws a `CommandError` unless this is root, on a host that has the standalone line's package. */
export function requireStandaloneRoot(): void {
  if (process.getuid?.() !== 0) throw new CommandError('this needs root', 'run it with sudo');
  if (!existsSync(hostCallProgram)) {
    throw new CommandError(
      `${hostCallProgram} is missing: this is no host with a line of its own`,
      'apt install ./package-rebuilder-standalone*.deb',
    );
  }
}

/** A folder that everybody may read, whatever the umask is. */
export async function makeOpenFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
}

/** Has a line that runs look again at which hosts have joined, and no call of it ends; whether there was one. */
export async function reloadLine(): Promise<boolean> {
  if (!existsSync('/run/systemd/system')) return false;
  const unit = 'rebuilder.service';
  const codes = Array.from({ length: 256 }, (_, code) => code);
  const options = { timeoutMs: quickMs, expectCodes: codes };
  const { exitCode } = await run('systemctl', ['--quiet', 'is-active', unit], options);
  if (exitCode !== 0) return false;
  await run('systemctl', ['reload', unit], { timeoutMs: quickMs });
  return true;
}
