import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerSocket, installedLine } from '../../daemons/lib/contracts/line.ts';
import { run } from '../../daemons/lib/daemon/program.ts';
import { Machine } from '../support/machine.ts';
import { lineCtl } from './standalone-line.ts';

/** Two machines with a cable between them: `a` has a line, `b` is to be a rebuilder of it. */

let a: Machine;
let b: Machine;
const open = new Set<Machine>();
const addressOfA = '10.77.0.1';
const name = 'second-host';
const askMs = { timeout: 90_000 };

beforeAll(async () => {
  a = await Machine.boot();
  open.add(a);
  b = await Machine.boot();
  open.add(b);
  await joinByCable(a, b);
  // The operator: may log in at both, and is root by sudo at neither, for they are root.
  await b.run(
    'sh',
    '-c',
    "mkdir -p -m 700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519",
  );
  // What they have set up for themselves, each of which would have join talk to somebody else, or say something else there.
  const settings = [
    'ControlMaster auto',
    'ControlPath ~/.ssh/%C',
    'ControlPersist 60',
    'RemoteCommand false',
  ];
  settings.push('KnownHostsCommand /bin/false', 'LocalForward 22 127.0.0.1:22', 'ExitOnForwardFailure yes');
  writeFileSync(b.path('root/.ssh/config'), `Host *\n${settings.join('\n')}\n`, { mode: 0o600 });
  const key = await b.run('cat', '/root/.ssh/id_ed25519.pub');
  await a.run('mkdir', '-p', '-m', '700', '/root/.ssh');
  writeFileSync(a.path('root/.ssh/authorized_keys'), key, { mode: 0o600 });
  await a.run('systemctl', 'start', 'ssh');
  await a.run('systemctl', 'start', 'rebuilder');
});
afterAll(() => Promise.all([...open].map(closeMachine)));

async function closeMachine(machine: Machine): Promise<void> {
  if (open.delete(machine)) await machine.close();
}

async function joinByCable(one: Machine, other: Machine): Promise<void> {
  const quick = { timeoutMs: 30_000 };
  const at = (machine: Machine) => String(machine.init);
  await run(
    'ip',
    ['link', 'add', 'cable0', 'netns', at(one), 'type', 'veth', 'peer', 'name', 'cable0', 'netns', at(other)],
    quick,
  );
  for (const [machine, address] of [
    [one, addressOfA],
    [other, '10.77.0.2'],
  ] as const) {
    const inside = ['--target', at(machine), '--net', '--', 'ip'];
    await run('nsenter', [...inside, 'address', 'add', `${address}/24`, 'dev', 'cable0'], quick);
    await run('nsenter', [...inside, 'link', 'set', 'cable0', 'up'], quick);
  }
}

async function hostKeyOfA(): Promise<string> {
  const told = await a.run('sh', '-c', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
  return told.split(' ')[1] ?? '';
}

async function workersOfA(): Promise<readonly string[]> {
  const told = await lineCtl(a, 'status', '--json');
  return JSON.parse(told).workers.map(({ qube }: { qube: string }) => qube);
}

/** ssh by B's own key, as its line does, but for whatever is asked. */
function byItsKey(...words: readonly string[]) {
  const ssh = ['-F', '/etc/package-rebuilder/uplink/ssh_config', '-T', '-o', 'LogLevel=INFO', ...words];
  return b.try('setpriv', '--reuid', 'rebuilder-orchestrator', '--clear-groups', '--', 'ssh', ...ssh);
}

describe('rebuilderctl host', () => {
  it('trusts no host key that nobody has confirmed', async () => {
    const asked = await b.try('rebuilderctl', 'host', 'join', `root@${addressOfA}`, name);
    expect(asked).toMatchObject({ exitCode: 2, stdout: expect.stringContaining(await hostKeyOfA()) });
    const other = `SHA256:${'A'.repeat(43)}`;
    const wrong = await b.try(
      'rebuilderctl',
      'host',
      'join',
      `root@${addressOfA}`,
      name,
      '--host-key',
      other,
    );
    expect(wrong).toMatchObject({ exitCode: 2, stdout: expect.stringContaining(`expected ${other}`) });
    expect(await b.run('ls', '/etc/package-rebuilder')).not.toContain('uplink');
    expect((await a.run('rebuilderctl', 'host', 'list')).trim()).toBe('NAME  KEY  TAKEN');
  });

  it.each([
    ['two words', 'expected a qube name'],
    ['UpperCase', 'expected a name of lower-case letters'],
    ['x'.repeat(32), 'expected a qube name'],
    ['dom0', 'that no qube has'],
    ['rebuilder-attester', 'is a user of this host already'],
    ['root', 'is a user of this host already'],
    ['audio', 'is a group of this host already'],
  ])('refuses the name %j', async (bad, why) => {
    const key = await b.run('cat', '/root/.ssh/id_ed25519.pub');
    const told = await a.try('rebuilderctl', 'host', 'accept', bad, key.trim());
    expect(told).toMatchObject({ exitCode: 2, stdout: expect.stringContaining(why) });
  });

  it('joins by one command; the second time it changes nothing', async () => {
    const before = await a.show('rebuilder.service', 'MainPID');
    const join = ['host', 'join', `root@${addressOfA}`, name, '--host-key', await hostKeyOfA()];
    expect(await b.run('rebuilderctl', ...join)).toContain('systemctl restart rebuilder');
    const state = () =>
      Promise.all([
        b.run('sh', '-c', 'cd /etc/package-rebuilder/uplink && ls -ln --time-style=full-iso && cat *'),
        a.run(
          'sh',
          '-c',
          `cd /etc/package-rebuilder/hosts && ls -lanR --time-style=full-iso && cat */.ssh/*`,
        ),
        a.run('getent', 'passwd', name),
      ]);
    const first = await state();
    expect(await b.run('rebuilderctl', ...join)).toContain('systemctl restart rebuilder');
    expect(await state()).toEqual(first);
    expect(first[1]).toContain('restrict,command="/usr/lib/package-rebuilder/host-call ');
    // The line over there has heard of it without being restarted.
    expect(await a.show('rebuilder.service', 'MainPID')).toBe(before);
    expect(await a.run('rebuilderctl', 'host', 'list')).toMatch(new RegExp(`^${name} .* yes$`, 'm'));
    const again = await b.try('rebuilderctl', 'host', 'join', `root@${addressOfA}`, 'other-name');
    expect(again).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('has joined another line') });
    const other = `SHA256:${'A'.repeat(43)}`;
    const pinned = await b.try('rebuilderctl', ...join.slice(0, -1), other);
    expect(pinned).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('rebuilderctl host leave') });
    const mode = await a.run(
      'stat',
      '--format',
      '%a',
      `/etc/package-rebuilder/hosts/${name}/.ssh/authorized_keys`,
    );
    expect(mode.trim()).toBe('644');
    const key = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}`;
    const taken = await a.try('rebuilderctl', 'host', 'accept', name, key);
    expect(taken).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('with another key') });
  });

  it('says where to look when the line runs and does not take the host', async () => {
    const pid = await a.show('rebuilder.service', 'MainPID');
    await a.run('kill', '-STOP', pid);
    try {
      const key = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'B'.repeat(43)}`;
      expect(await a.run('rebuilderctl', 'host', 'accept', 'unseen', key)).toContain(
        'journalctl -u rebuilder says why',
      );
    } finally {
      await a.run('kill', '-CONT', pid);
    }
    await a.run('rebuilderctl', 'host', 'remove', 'unseen');
  });

  it('makes the line a rebuilder of the other', async () => {
    await b.run('systemctl', 'enable', '--now', 'rebuilder');
    await expect.poll(workersOfA, askMs).toContain(name);
    const programs = await b.run('ps', '-C', 'node', '-o', 'args=');
    expect(programs).toContain('/rebuilder.js');
    expect(programs).not.toMatch(/\/(?:orchestrator|getter|attester|vault|reporter|uploader)\.js$/m);
  });

  it('gives its key the calls of a rebuilder and nothing else', async () => {
    expect(await byItsKey('uplink')).toMatchObject({ exitCode: 0, stdout: 'ready\n' });
    for (const service of [
      'rebuilder.Lease+attest',
      'rebuilder.Query+status',
      'rebuilder.Sign+reproducible',
      'qubes.Gpg',
    ]) {
      const told = await byItsKey('uplink', service);
      expect([service, told.exitCode, told.stdout]).toEqual([service, 126, 'Request refused\n']);
    }
    for (const words of [
      'id',
      'sh',
      'rebuilder.Lease+rebuild; id',
      'rebuilder.Lease $(id)',
      '../../bin/sh',
    ]) {
      const told = await byItsKey('uplink', words);
      expect([words, told.stdout]).toEqual([words, expect.not.stringContaining('uid=')]);
      expect(told.exitCode, words).not.toBe(0);
    }
    expect((await byItsKey('-tt', 'uplink')).stdout).toContain('PTY allocation request failed');
    expect((await byItsKey('-s', 'uplink', 'sftp')).exitCode).not.toBe(0);
    const forward = ['-o', 'ClearAllForwardings=no', '-o', 'ExitOnForwardFailure=yes'];
    const remote = await byItsKey(...forward, '-R', '9999:127.0.0.1:22', '-N', 'uplink');
    expect(remote.stdout).toContain('remote port forwarding failed');
    const through = await byItsKey(...forward, '-W', '127.0.0.1:22', 'uplink');
    expect(through.stdout).toContain('administratively prohibited');
    for (const user of ['root', 'rebuilder-worker', 'rebuilder-admin']) {
      const told = await byItsKey('-l', user, 'uplink');
      expect([user, told.exitCode, told.stdout]).toEqual([
        user,
        255,
        expect.stringContaining('Permission denied'),
      ]);
    }
  });

  it('lets the user of a joined host at no other socket', async () => {
    const as = ['setpriv', '--reuid', name, '--regid', name, '--clear-groups', '--'];
    for (const qube of ['rebuilder-admin', 'rebuilder-worker', 'rebuilder-attester']) {
      const socket = callerSocket(installedLine, qube);
      const told = await a.try(
        ...(as as [string, ...string[]]),
        'qrexec-client-vm',
        '-a',
        socket,
        '@default',
        'x',
      );
      expect([qube, told.exitCode, told.stdout]).toEqual([
        qube,
        1,
        expect.stringContaining('Permission denied'),
      ]);
    }
  });

  it('is a rebuilder again by itself after the connection was lost', async () => {
    const log = () => b.run('cat', '/var/lib/rebuilder-line/log/rebuilder.log');
    const isCalling = async () => (await a.try('pgrep', '--uid', name)).exitCode === 0;
    expect(await isCalling()).toBe(true);
    await a.run('systemctl', 'stop', 'ssh');
    await a.run('pkill', '--uid', name);
    await expect.poll(log, askMs).toContain('no work can be leased, trying again');
    expect(await isCalling()).toBe(false);
    expect(await b.show('rebuilder.service', 'NRestarts')).toBe('0');
    await a.run('systemctl', 'start', 'ssh');
    await expect.poll(isCalling, askMs).toBe(true);
  });

  it('takes a host out again: it calls no more, and its user is gone', async () => {
    await a.run('rebuilderctl', 'host', 'remove', name);
    expect((await a.try('getent', 'passwd', name)).exitCode).toBe(2);
    expect((await byItsKey('uplink')).exitCode).toBe(255);
    expect(await a.try('rebuilderctl', 'host', 'remove', name)).toMatchObject({ exitCode: 1 });
    await b.run('rebuilderctl', 'host', 'leave');
    // The machines of a test share their control groups: a line that stops waits for what it takes for its own.
    await closeMachine(a);
    await b.run('systemctl', 'restart', 'rebuilder');
    expect(await b.run('ps', '-C', 'node', '-o', 'args=')).toContain('/orchestrator.js');
  });
});
