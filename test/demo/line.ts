import { chown, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run, spawnProgram } from '../../daemons/lib/daemon/program.ts';
import type { Sshd } from '../support/sshd.ts';

export type DemoLine = Readonly<{
  /** Runs `rebuilderctl` in the admin qube; its standard output. */
  ctl: (...args: readonly string[]) => Promise<string>;
  vaultKey: Readonly<{ fingerprint: string; file: string }>;
  stop: () => Promise<void>;
}>;

/** Starts every role of a line as a process and a user of its own, joined only by the standalone broker. */
export async function startDemoLine(options: {
  folder: string;
  cache: string;
  /** The signed root layout to publish, if any. */
  layout?: string;
  mirror: Readonly<{ sshd: Sshd; basedir: string }>;
  /** More lines of the configuration's [common]. */
  settings?: string;
  /** More arguments of the line's program. */
  args?: readonly string[];
}): Promise<DemoLine> {
  const config = join(options.folder, 'rebuilder.conf');
  const { sshd, basedir } = options.mirror;
  await mkdir(options.folder, { recursive: true });
  await writeFile(
    config,
    `[common]
in-toto-sign-key-fpr = @VAULT_KEY@
${options.layout === undefined ? '' : `root-layout = ${options.layout}\n`}repo-ssh-key = mirror
repo-remote-ssh-host = ${sshd.user}@127.0.0.1:${sshd.port}
repo-remote-ssh-basedir = ${basedir}
${options.settings ?? ''}
`,
  );
  await giveUploaderItsKeys(join(options.folder, 'state/uploader'), sshd);

  const line = spawnProgram(
    process.execPath,
    [
      'build/lib/line.js',
      '--dir',
      options.folder,
      '--config',
      config,
      '--cache',
      options.cache,
      '--make-key',
      'demo rebuilder',
      ...(options.args ?? []),
    ],
    { detached: true },
  );
  let said = '';
  line.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-8_000);
  });
  const ended = line.exited.then(() => {
    throw new Error(`the line ended: ${said.trim()}; its logs are in ${join(options.folder, 'log')}`);
  });
  const ready = (async () => {
    for await (const text of createInterface({ input: line.stdout })) return JSON.parse(text);
    return ended;
  })();
  const { adminSocket, vaultKey } = (await Promise.race([ready, ended])) as {
    adminSocket: string;
    vaultKey: { fingerprint: string; file: string };
  };
  ended.catch(() => {});
  return {
    vaultKey,
    ctl: async (...args) => {
      const env = {
        QREXEC_AGENT_SOCKET: adminSocket,
        QREXEC_CLIENT_VM: join(process.cwd(), 'build/bin/qrexec-client-vm'),
      };
      const reply = run('build/bin/rebuilderctl', args, {
        timeoutMs: 120_000,
        env,
        maxOutput: 64 * 1_048_576,
        expectCodes: [0, 1],
      });
      return (await Promise.race([reply, ended])).stdout.toString();
    },
    stop: async () => {
      line.kill('SIGTERM');
      await line.exited;
    },
  };
}

/** The key that may write to the mirror, and the mirror's pinned host key: the uploader's alone. */
async function giveUploaderItsKeys(state: string, sshd: Sshd): Promise<void> {
  const folder = join(state, 'ssh');
  await mkdir(state, { recursive: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await copyFile(sshd.clientKey, join(folder, 'mirror'));
  await writeFile(join(folder, 'known_hosts'), sshd.knownHost);
  const { stdout } = await run('getent', ['passwd', 'rebuilder-uploader'], { timeoutMs: 10_000 });
  const [, , uid, gid] = stdout.toString().split(':').map(Number);
  for (const path of [folder, join(folder, 'mirror'), join(folder, 'known_hosts')]) {
    await chown(path, uid ?? 0, gid ?? 0);
  }
}
