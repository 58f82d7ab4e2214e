import { chmod, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../daemons/lib/daemon/clock.ts';
import { run, spawnProgram } from '../../daemons/lib/daemon/program.ts';

/** A real sshd on loopback with keys of its own, for one user: whoever runs the test. */
export interface Sshd {
  readonly port: number;
  readonly user: string;
  /** Private key that may log in. */
  readonly clientKey: string;
  /** `known_hosts` line of its present host key. */
  readonly knownHost: string;
  stop(): Promise<void>;
}

export async function makeKey(path: string): Promise<void> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path], { timeoutMs: 20_000 });
}

/**
 * Starts it with all its files in `dir`, which must exist; `port` 0 takes a free one. `on`: the first process of the machine
 * whose loopback it is, instead of ours.
 */
export async function startSshd(dir: string, port = 0, on?: number): Promise<Sshd> {
  const at = port === 0 ? await freePort() : port;
  const hostKey = join(dir, `host_key_${at}`);
  const clientKey = join(dir, 'client_key');
  await makeKey(hostKey);
  if (port === 0) await makeKey(clientKey);
  await chmod(clientKey, 0o600);
  await writeFile(join(dir, 'authorized_keys'), await readFile(`${clientKey}.pub`), { mode: 0o600 });
  await writeFile(
    join(dir, 'sshd_config'),
    [
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      'PidFile none',
      'ListenAddress 127.0.0.1',
      '',
    ].join('\n'),
  );
  const madeRunFolder = process.getuid?.() === 0 && (await makeRunFolder());
  const command = ['/usr/sbin/sshd', '-D', '-e', '-f', join(dir, 'sshd_config'), '-p', String(at)];
  const sshd = spawnProgram(
    'nsenter',
    [...(on === undefined ? [] : [`--net=/proc/${on}/ns/net`]), ...command],
    {
      detached: true,
    },
  );
  let said = '';
  let ended = false;
  sshd.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  void sshd.exited.finally(() => {
    ended = true;
  });
  for (let waited = 0; !said.includes('Server listening'); waited += 50) {
    if (ended || waited > 10_000) throw new Error(`sshd did not start: ${said}`);
    await systemClock.sleep(50);
  }
  const [type, key] = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ');
  return {
    port: at,
    user: userInfo().username,
    clientKey,
    knownHost: `[127.0.0.1]:${at} ${type} ${key?.trim()}\n`,
    async stop() {
      sshd.kill('SIGTERM');
      await sshd.exited;
      if (madeRunFolder) await rmdir('/run/sshd');
    },
  };
}

/** Root's sshd insists on this folder; the package makes it only when its service starts. */
async function makeRunFolder(): Promise<boolean> {
  try {
    await mkdir('/run/sshd', { mode: 0o755 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
