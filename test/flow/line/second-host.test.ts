import { readFileSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostKeysFile, uplinkConfigFile } from '../../../daemons/lib/contracts/hosts.ts';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { run, type SpawnedProgram, spawnProgram } from '../../../daemons/lib/daemon/program.ts';
import { parseLines } from '../../demo/follow.ts';
import { openRealLine, type RealLine } from '../../support/real-line.ts';
import { makeKey, type Sshd, startSshd } from '../../support/sshd.ts';

/** A line without a rebuilder, and another that is only one, joined by a real sshd. */

const source = 'lxqt-metapackages';
const dist = 'bookworm.all';
const name = 'second-host';
const timeoutMs = 30_000;
const patienceMs = 500_000;

let folder: string;
let sshd: Sshd;
let line: RealLine;
let second: SpawnedProgram;
const at = (...parts: readonly string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'second-host-'));
  await chmod(folder, 0o711);
  for (const path of ['sshd', 'uplink', 'lib', 'bin', `hosts/${name}/.ssh`, 'second']) {
    await mkdir(at(path), { recursive: true });
  }
  await run(
    'useradd',
    ['--system', '--user-group', '--no-create-home', '--shell', '/bin/sh', '--password', '*', name],
    {
      timeoutMs,
    },
  );
  await copyFile('build/lib/host-call', at('lib/host-call'));
  await copyFile('build/bin/qrexec-client-vm', at('bin/qrexec-client-vm'));
  sshd = await startSshd(at('sshd'));
  await writeFile(at('hosts', name, hostKeysFile), '');
  line = await openRealLine({
    settings: 'keep-bases = no',
    args: ['--without', 'rebuilder', '--hosts', at('hosts')],
  });
  await makeUplink();
  second = await startSecond();
});
afterAll(async () => {
  second?.kill('SIGTERM');
  await second?.exited;
  await line?.close();
  await sshd?.stop();
  await run('userdel', [name], { timeoutMs });
  await rm(folder, { recursive: true, force: true });
});

/** What `rebuilderctl host join` and `host accept` write where the packages are installed. */
async function makeUplink(): Promise<void> {
  const key = at('uplink/id_ed25519');
  await makeKey(key);
  const { stdout } = await run('getent', ['passwd', 'rebuilder-orchestrator'], { timeoutMs });
  const [, , uid = 0, gid = 0] = stdout.toString().split(':').map(Number);
  await chown(key, uid, gid);
  const socket = join(line.folder, 'line/qubes', name, 'qrexec-agent');
  const allowed = `restrict,command="${at('lib/host-call')} ${socket}" ${readFileSync(`${key}.pub`, 'utf8')}`;
  await writeFile(at('sshd/authorized_keys'), allowed);
  await chmod(at('sshd/authorized_keys'), 0o644);
  await writeFile(at('uplink/known_hosts'), sshd.knownHost);
  const settings = {
    HostName: '127.0.0.1',
    Port: String(sshd.port),
    User: name,
    IdentityFile: key,
    UserKnownHostsFile: at('uplink/known_hosts'),
    BatchMode: 'yes',
    LogLevel: 'ERROR',
  };
  const lines = Object.entries(settings).map(([option, value]) => `${option} ${value}\n`);
  await writeFile(at('uplink', uplinkConfigFile), `Host uplink\n${lines.join('')}`);
}

async function startSecond(): Promise<SpawnedProgram> {
  await writeFile(at('rebuilder.conf'), '[common]\nkeep-bases = no\nslots = 1\n');
  const args = ['--dir', at('second'), '--config', at('rebuilder.conf'), '--uplink', at('uplink')];
  const program = spawnProgram(process.execPath, ['build/lib/line.js', ...args], { detached: true });
  await new Promise<void>((resolve, reject) => {
    program.stdout.once('data', () => resolve());
    void program.exited.then(() => reject(new Error('the second line ended')));
  });
  return program;
}

const jobs = async () =>
  parseLines<{ kind: string; state: string; qube?: string }>(await line.ctl('jobs', '--json'));
const ourLog = () => readFileSync(at('second/log/rebuilder.log'), 'utf8');

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = clock.monotonic() + patienceMs;
  while (!(await holds())) {
    if (clock.monotonic() > deadline)
      throw new Error(`still not so: ${what}; ${await line.ctl('jobs', '--json')}`);
    await clock.sleep(1_000);
  }
}

describe('a rebuilder on another host', () => {
  it('rebuilds what the line then signs, though its connection is cut in the middle', async () => {
    await line.ctl('trigger', 'rebuild', source, dist);
    await until('the build has begun', async () => /job=\S+/.test(ourLog()));
    await run('pkill', ['--signal', 'KILL', '--uid', name], { timeoutMs });
    const results = async () =>
      parseLines<{ dist: string; state: string }>(await line.ctl('results', source, '--json'));
    await until('it is judged', async () =>
      (await results()).some((row) => row.dist === dist && row.state === 'reproducible'),
    );
    await until('all that follows is done', async () =>
      (await jobs()).every(({ state }) => state === 'settled'),
    );
    const versions = join(line.folder, 'mirror/rebuild/debian/sources', source);
    const [version = ''] = await readdir(versions);
    const names = await readdir(join(versions, version));
    expect(names.filter((one) => /^rebuild\.[0-9a-f]{8}\.all\.link$/.test(one))).toHaveLength(1);
    const orchestrator = readFileSync(join(line.folder, 'line/log/orchestrator.log'), 'utf8');
    expect(orchestrator).toMatch(new RegExp(`qube=${name}`));
  });
});
