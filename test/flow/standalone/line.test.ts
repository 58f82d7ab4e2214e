import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../daemons/lib/daemon/program.ts';
import {
  asUser,
  eventually,
  modes,
  type OwnLine,
  ownLine,
  processesWith,
  type RunningLine,
} from './own-line.ts';

const daemons = ['orchestrator', 'getter', 'rebuilder', 'attester', 'vault', 'reporter', 'uploader'];

describe.each(modes)('a line started by %s', (mode) => {
  let own: OwnLine;
  let line: RunningLine;
  beforeAll(async () => {
    own = await ownLine(mode);
    line = await own.start();
  });
  afterAll(() => own.close());

  it('says where the admin qube calls from, and soon', () => {
    expect(line.ready).toEqual({
      ready: true,
      adminSocket: join(own.dir, 'qubes/rebuilder-admin/qrexec-agent'),
    });
    expect(line.readyMs).toBeLessThan(10_000);
  });

  it('joins its qubes as policy says, and not otherwise', async () => {
    const leased = await line.call('getter', ['@default', 'rebuilder.Lease+get'], '{}');
    expect(leased).toMatchObject({ status: 0, stderr: '' });
    expect(leased.stdout.toString()).toBe('rebuilder.Lease+get rebuilder-getter\0{}');
    expect((await line.call('admin', ['@default', 'rebuilder.Query+status'])).stdout.toString()).toBe(
      'rebuilder.Query+status rebuilder-admin\0',
    );
    for (const [role, service] of [
      ['getter', 'rebuilder.Lease+attest'],
      ['reporter', 'rebuilder.Control+pause'],
      ['rebuilder', 'qubes.Gpg'],
      ['admin', 'rebuilder.Sign+manifest'],
    ] as const) {
      const refused = await line.call(role, ['@default', service]);
      expect([service, refused.status, refused.stderr]).toEqual([service, 126, 'Request refused\n']);
    }
    expect((await line.call('attester', ['@default', 'rebuilder.Sign+manifest'])).stdout.toString()).toBe(
      'rebuilder.Sign+manifest rebuilder-attester\0',
    );
  });

  it('gives each role folders, settings and a socket of its own', () => {
    const seen = daemons.map((role) =>
      JSON.parse(readFileSync(join(own.dir, 'state', role, 'self.json'), 'utf8')),
    );
    expect(new Set(seen.map(({ uid }) => uid)).size).toBe(mode === 'root' ? daemons.length : 1);
    for (const [index, role] of daemons.entries()) {
      const { env, config, cwd, uid, gid, groups } = seen[index];
      expect(uid).not.toBe(0);
      expect(groups.filter((group: number) => group !== gid)).toEqual([]);
      expect(config).toBe('[common]\nnothing = here\n');
      expect(cwd).toBe(env.STATE_DIRECTORY);
      for (const name of ['STATE_DIRECTORY', 'CACHE_DIRECTORY', 'RUNTIME_DIRECTORY']) {
        expect(env[name].endsWith(`/${role}`)).toBe(true);
        expect(statSync(env[name]).mode & 0o777).toBe(0o700);
        expect(statSync(env[name]).uid).toBe(uid);
      }
      expect(statSync(env.PACKAGE_REBUILDER_CONF)).toMatchObject({ uid, mode: 0o100600 });
      // Nobody else but the broker, which listens there, passes the folder.
      const door = statSync(dirname(env.QREXEC_AGENT_SOCKET));
      expect(door).toMatchObject({ uid, gid: statSync(env.QREXEC_AGENT_SOCKET).gid });
      expect(door.mode & 0o777).toBe(mode === 'root' ? 0o770 : 0o700);
    }
  });

  it('keeps what its members say in a log each', () => {
    const logs = readdirSync(join(own.dir, 'log')).sort();
    expect(logs).toEqual(
      [
        ...daemons,
        'broker',
        ...(mode === 'root' ? ['agent-disposable', 'agent-orchestrator', 'agent-vault'] : ['agent']),
      ]
        .map((name) => `${name}.log`)
        .sort(),
    );
    expect(line.log('broker')).toContain('denied: ');
  });

  it('is in use: a second line in its folder does not start', async () => {
    const second = await own.fail();
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/^line: .* is in use by another line \(process \d+\)\n$/);
  });

  it('ends when it is told to, workers first, and leaves no process, socket or group', async () => {
    const groups = cgroupsOf(own);
    expect(groups.length > 0).toBe(mode === 'root');
    line.program.kill('SIGTERM');
    expect(await line.program.exited).toEqual({ code: 0, signal: null });
    expect(readFileSync(join(own.dir, 'state/getter/handed-back'), 'utf8')).toBe('0');
    expect(processesWith(own.folder)).toEqual([]);
    for (const name of ['qubes', 'agents', 'notify', 'line.json'])
      expect(existsSync(join(own.dir, name))).toBe(false);
    expect(groups.filter((group) => existsSync(group))).toEqual([]);
  });

  it('ends when whoever started it does', async () => {
    line = await own.start();
    line.program.stdin.end();
    expect(await line.program.exited).toEqual({ code: 0, signal: null });
    expect(processesWith(own.folder)).toEqual([]);
  });

  it('that is killed leaves nothing running, and starts again in the same folder', async () => {
    line = await own.start();
    const groups = cgroupsOf(own);
    line.program.kill('SIGKILL');
    await line.program.exited;
    await eventually('every member has ended', () => processesWith(own.folder).length === 0);
    line = await own.start(['--without', 'reporter,uploader']);
    expect((await line.call('getter', ['@default', 'rebuilder.Lease+get'])).status).toBe(0);
    expect(processesWith(join(own.folder, 'project/build/lib/uploader.js'))).toEqual([]);
    expect(groups.filter((group) => existsSync(group))).toEqual([]);
  });

  it('starts a role again that died, and goes on', async () => {
    const pidOf = (role: string) =>
      JSON.parse(readFileSync(join(own.dir, 'state', role, 'self.json'), 'utf8')).pid as number;
    for (const role of ['rebuilder', 'orchestrator']) {
      const before = pidOf(role);
      process.kill(before, 'SIGKILL');
      await eventually(`${role} runs again`, () => pidOf(role) !== before);
    }
    await eventually('the door answers', () => existsSync(join(own.dir, 'run/orchestrator/door.sock')));
    expect((await line.call('getter', ['@default', 'rebuilder.Lease+get'])).status).toBe(0);
  });

  it('ends, saying why, when a role keeps dying', async () => {
    writeFileSync(join(own.dir, 'state/attester/refuse'), '');
    const { pid } = JSON.parse(readFileSync(join(own.dir, 'state/attester/self.json'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    expect(await line.program.exited).toEqual({ code: 1, signal: null });
    rmSync(join(own.dir, 'state/attester/refuse'));
    expect(processesWith(own.folder)).toEqual([]);
  });

  it('ends, saying why, when a door or the broker does', async () => {
    line = await own.start();
    const [agent] = processesWith(join(own.dir, 'conf/agent'));
    if (agent === undefined) throw new Error('no agent runs');
    process.kill(agent, 'SIGKILL');
    expect(await line.program.exited).toEqual({ code: 1, signal: null });
    expect(processesWith(own.folder)).toEqual([]);
  });

  it('ends at once on SIGQUIT, whatever its members still do', async () => {
    line = await own.start(['--grace-seconds', '600']);
    const groups = cgroupsOf(own);
    const { pid } = JSON.parse(readFileSync(join(own.dir, 'state/reporter/self.json'), 'utf8'));
    process.kill(pid, 'SIGSTOP');
    line.program.kill('SIGTERM');
    await eventually(
      'the others have ended',
      () => processesWith(join(own.folder, 'project/build/lib/uploader.js')).length === 0,
    );
    line.program.kill('SIGQUIT');
    expect(await line.program.exited).toEqual({ code: 0, signal: null });
    expect(processesWith(own.folder)).toEqual([]);
    expect(groups.filter((group) => existsSync(group))).toEqual([]);
  });

  it('kills a role that hangs, and starts it again', async () => {
    line = await own.start(['--watchdog-seconds', '2']);
    const pidOf = () =>
      JSON.parse(readFileSync(join(own.dir, 'state/uploader/self.json'), 'utf8')).pid as number;
    const before = pidOf();
    process.kill(before, 'SIGSTOP');
    await eventually('the uploader runs again', () => pidOf() !== before);
    line.program.kill('SIGTERM');
    expect(await line.program.exited).toEqual({ code: 0, signal: null });
    expect(processesWith(own.folder)).toEqual([]);
  });

  it('does not start when a role does not', async () => {
    writeFileSync(join(own.dir, 'state/attester/refuse'), '');
    const { status, stderr, stdout } = await own.fail();
    rmSync(join(own.dir, 'state/attester/refuse'));
    expect([status, stdout.length]).toEqual([1, 0]);
    expect(stderr).toBe('line: attester ended with 3: this role does not want to\n');
    expect(processesWith(own.folder)).toEqual([]);
  });
});

/** The line's parts of cgroup hierarchies. */
function cgroupsOf(own: OwnLine): readonly string[] {
  return JSON.parse(readFileSync(join(own.dir, 'line.json'), 'utf8')).cgroups;
}

describe('a line started by root', () => {
  let own: OwnLine;
  beforeAll(async () => {
    own = await ownLine('root');
  });
  afterAll(() => own.close());

  it('lets no role at what belongs to another', async () => {
    const line = await own.start();
    const below = (path: string) => join(own.dir, path);
    for (const path of [
      'state/orchestrator/self.json',
      'conf/attester/rebuilder.conf',
      'conf/broker.json',
      'qubes/rebuilder-attester/qrexec-agent',
      'agents/vault/agent',
      'run/orchestrator/door.sock',
      'log/orchestrator.log',
      'line.json',
    ]) {
      const looked = await run(
        'sh',
        ['-c', `${asUser('rebuilder-getter').join(' ')} cat ${below(path)} 2>&1`],
        {
          timeoutMs: 10_000,
          expectCodes: [1],
        },
      );
      expect([path, looked.stdout.toString()]).toEqual([path, expect.stringContaining('Permission denied')]);
    }
    const borrowed = await run(
      'sh',
      ['-c', `exec ${asUser('rebuilder-getter').join(' ')} "$0" -a "$1" @default rebuilder.Lease+attest`]
        .concat(join(own.folder, 'project/build/bin/qrexec-client-vm'))
        .concat(below('qubes/rebuilder-attester/qrexec-agent')),
      { timeoutMs: 10_000, expectCodes: [1] },
    );
    expect(borrowed.stderr).toBe('connect: Permission denied\n');
    line.program.stdin.end();
    await line.program.exited;
  });

  it('names make setup when the users are missing', async () => {
    const passwd = join(own.folder, 'passwd');
    writeFileSync(passwd, 'root:x:0:0:root:/root:/bin/sh\n');
    const hide = ['unshare', '--mount', 'sh', '-c', `mount --bind ${passwd} /etc/passwd && exec "$@"`, 'sh'];
    const { status, stderr } = await own.fail([], hide);
    expect([status, stderr]).toEqual([1, 'line: user rebuilder-orchestrator is missing: run make setup\n']);
  });

  it('works from a checkout and a folder that only root can enter', async () => {
    const secret = join(own.folder, 'secret');
    mkdirSync(join(secret, 'deeper'), { recursive: true, mode: 0o700 });
    await run('cp', ['-a', join(own.folder, 'project'), join(secret, 'project')], { timeoutMs: 10_000 });
    writeFileSync(join(secret, 'hidden'), 'x');
    const dir = join(secret, 'line');
    const config = join(secret, 'rebuilder.conf');
    writeFileSync(config, '[common]\n');
    const { spawnProgram } = await import('../../../daemons/lib/daemon/program.ts');
    const program = spawnProgram(process.execPath, [
      ...[join(secret, 'project/build/lib/line.js'), '--dir', dir, '--config', config],
      ...['--cache', join(secret, 'deeper/cache')],
    ]);
    const answer = await new Promise<string>((resolve, reject) => {
      program.stdout.once('data', (chunk) => resolve(String(chunk)));
      program.stderr.once('data', (chunk) => reject(new Error(String(chunk))));
    });
    const { adminSocket } = JSON.parse(answer);
    const status = await run(
      join(secret, 'project/build/bin/qrexec-client-vm'),
      ['@default', 'rebuilder.Query+status'],
      {
        timeoutMs: 10_000,
        env: { QREXEC_AGENT_SOCKET: adminSocket },
      },
    );
    expect(status.stdout.toString()).toBe('rebuilder.Query+status rebuilder-admin\0');
    expect(statSync(join(secret, 'deeper/cache/getter')).mode & 0o777).toBe(0o700);
    program.stdin.end();
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(readFileSync(join(secret, 'hidden'), 'utf8')).toBe('x');
    expect(statSync(secret).mode & 0o777).toBe(0o700);
    expect(processesWith(secret)).toEqual([]);
  });

  it.each([
    [['--without', 'nobody'], "line: --without: found nobody, expected a role's name"],
    [['--nonsense'], 'line: Unknown option'],
    [['--disposable-processes', '0'], 'line: found 0, expected a number above 0'],
  ])('tells what is wrong with %j', async (args, expected) => {
    const { status, stderr } = await own.fail(args);
    expect(status).toBe(1);
    expect(stderr).toContain(expected);
  });
});
