import { afterEach, describe, expect, it } from 'vitest';
import { unitRoles } from '../../tools/systemd/roles.ts';
import { Machine, type MachineOptions } from '../support/machine.ts';
import { bindDirs, otherwise, qrexec, qube, webhooks } from './qube.ts';

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.close();
  machine = undefined;
});

async function boot(options: MachineOptions): Promise<Machine> {
  machine = await Machine.boot(options);
  return machine;
}

const service = (role: string) => `package-rebuilder-${role}.service`;
const allRoles = unitRoles.map(({ role }) => role);

describe('a qube', () => {
  it('runs the roles that it is switched on for, each ready and saying what it does, and no others', async () => {
    const qubeOf = await boot(qube(['orchestrator', 'vault', 'getter', 'reporter']));
    for (const role of ['orchestrator', 'vault', 'getter', 'reporter']) {
      expect(await qubeOf.show(service(role), 'ActiveState')).toBe('active');
      await expect.poll(() => qubeOf.show(service(role), 'StatusText')).toMatch(/waiting for/);
    }
    for (const role of ['rebuilder', 'attester', 'uploader']) {
      expect(await qubeOf.show(service(role), 'ActiveState')).toBe('inactive');
      expect(await qubeOf.show(service(role), 'ConditionResult')).toBe('no');
    }
    expect(await qubeOf.run('systemctl', 'list-units', '--failed', '--no-legend', '--plain')).toBe('');
    const said = await qubeOf.journal(
      '--unit',
      service('orchestrator'),
      '--identifier',
      'package-rebuilder-orchestrator',
    );
    expect(said).toContain('ready dists=0');
  });

  it('runs nothing in a template, whatever is switched on', async () => {
    const template = await boot(qube(allRoles, { isTemplate: true }));
    const active = await template.run('systemctl', 'list-units', '--state=active', '--no-legend', '--plain');
    expect(active).toContain('qubes-sysinit.service');
    expect(active).not.toContain('package-rebuilder');
  });

  it('can start every role as its unit confines it', async () => {
    const all = await boot(qube(allRoles, { files: webhooks }));
    for (const role of allRoles) {
      expect(await all.show(service(role), 'ActiveState')).toBe('active');
      expect(await all.show(service(role), 'NRestarts')).toBe('0');
    }
  });
});

describe('the private volume', () => {
  const folder = (name: string) => `/rw/bind-dirs${name}`;

  it('holds what a role keeps and what its journal says', async () => {
    const qubeOf = await boot(qube(['orchestrator'], bindDirs));
    expect(await qubeOf.run('ls', folder('/var/lib/package-rebuilder/orchestrator'))).not.toBe('');
    const journal = ['--directory', folder('/var/log/journal'), '--unit', service('orchestrator')];
    await expect.poll(() => qubeOf.journal(...journal)).toContain('ready dists=0');
    expect(await qubeOf.show('package-rebuilder-journal.service', 'Result')).toBe('success');
  });

  it('holds nothing of ours in a qube that has no role', async () => {
    const other = await boot(qube([], bindDirs));
    expect(await other.show('qubes-bind-dirs.service', 'ActiveState')).toBe('active');
    expect((await other.try('ls', '/rw')).exitCode).not.toBe(0);
    expect(await other.show('package-rebuilder-journal.service', 'ConditionResult')).toBe('no');
  });
});

describe('a door', () => {
  it('has its socket before the agent that calls arrive through, and before its daemon', async () => {
    const { files, enabled } = qrexec('getter');
    const qubeOf = await boot(
      qube(['orchestrator'], { files, enabled: [...enabled, 'qubes-qrexec-agent.service'] }),
    );
    const since = async (unit: string, when: string) => Number(await qubeOf.show(unit, `${when}Monotonic`));
    const listening = await since('package-rebuilder-orchestrator.socket', 'ActiveEnterTimestamp');
    expect(listening).toBeGreaterThan(0);
    expect(listening).toBeLessThan(await since('qubes-qrexec-agent.service', 'ExecMainStartTimestamp'));
    expect(listening).toBeLessThan(await since(service('orchestrator'), 'ExecMainStartTimestamp'));
    const socket = await qubeOf.run(
      'stat',
      '--format=%A %U %G',
      '/run/package-rebuilder/orchestrator/door.sock',
    );
    expect(socket).toBe('srw-rw---- root qubes\n');
  });

  it('still takes calls when its daemon is down, and starts it for them', async () => {
    const qubeOf = await boot(qube(['orchestrator']));
    await qubeOf.run('systemctl', 'stop', service('orchestrator'));
    expect(await qubeOf.show(service('orchestrator'), 'ActiveState')).toBe('inactive');
    expect(await call(qubeOf, 'orchestrator', 'rebuilder.Query+status rebuilder-admin')).toMatch(
      /^get +\d+ +0 /m,
    );
    expect(await qubeOf.show(service('orchestrator'), 'ActiveState')).toBe('active');
  });
});

/** What the agent of a qube would hear that passes this call on: no request, which is the usual one. */
function call(qubeOf: Machine, role: string, descriptor: string): Promise<string> {
  const script = `
    use IO::Socket::UNIX;
    my $door = IO::Socket::UNIX->new('/run/package-rebuilder/${role}/door.sock') or die "$!\\n";
    print $door "${descriptor}\\0";
    $door->flush; $door->shutdown(1);
    print while <$door>;`;
  return qubeOf.run('perl', '-e', script);
}

describe('the supervisor', () => {
  it('ends a daemon that hangs, and starts it again', async () => {
    const watched = otherwise('reporter', '[Service]\nWatchdogSec=3s\n');
    const qubeOf = await boot(qube(['reporter'], { files: watched }));
    const first = await qubeOf.show(service('reporter'), 'MainPID');
    await qubeOf.run('kill', '-STOP', first);
    await expect.poll(() => qubeOf.show(service('reporter'), 'NRestarts'), { timeout: 60_000 }).toBe('1');
    await expect
      .poll(() => qubeOf.show(service('reporter'), 'ActiveState'), { timeout: 60_000 })
      .toBe('active');
    expect(await qubeOf.show(service('reporter'), 'MainPID')).not.toBe(first);
    expect(await qubeOf.journal('--unit', service('reporter'))).toContain('Watchdog timeout');
  });

  it('leaves a daemon down that cannot run, and its journal says why', async () => {
    const quick =
      '[Service]\nRestartSec=10ms\nRestartMaxDelaySec=20ms\nEnvironment=PACKAGE_REBUILDER_CONF=/etc/wrong.conf\n';
    const files = { ...otherwise('reporter', quick), 'etc/wrong.conf': '[common]\nslotz = 2\n' };
    const qubeOf = await boot(qube(['reporter'], { files }));
    await expect
      .poll(() => qubeOf.show(service('reporter'), 'ActiveState'), { timeout: 120_000 })
      .toBe('failed');
    expect(await qubeOf.show(service('reporter'), 'NRestarts')).toBe('12');
    expect(await qubeOf.journal('--unit', service('reporter'), '--priority=err')).toContain(
      '/etc/wrong.conf:2: slotz:',
    );
  });

  it('waits longer before each new start', async () => {
    const missing = '[Service]\nEnvironment=PACKAGE_REBUILDER_CONF=/etc/missing.conf\n';
    const qubeOf = await boot(qube(['reporter'], { files: otherwise('reporter', missing) }));
    const delay = async () => await qubeOf.show(service('reporter'), 'RestartUSecNext');
    await expect.poll(() => qubeOf.show(service('reporter'), 'NRestarts'), { timeout: 60_000 }).toBe('3');
    expect(await delay()).not.toBe('1s');
    expect(await qubeOf.show(service('reporter'), 'RestartMaxDelayUSec')).toBe('2min');
  });
});

describe('a worker that is told to stop', () => {
  it('hands back what it holds', async () => {
    const silent = `[Service]
ExecStart=/usr/bin/perl -MIO::Socket::INET -e '$$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8080", Listen => 9); push @c, $$s->accept while 1'
`;
    const { files, enabled } = qrexec('getter');
    const settings = '[debian]\ndist = trixie.amd64\nmirror = deb http://127.0.0.1:8080/debian trixie main\n';
    const qubeOf = await boot(
      qube(['orchestrator', 'getter'], {
        files: {
          ...files,
          'etc/systemd/system/silent-mirror.service': silent,
          'etc/package-rebuilder/rebuilder.conf': settings,
        },
        enabled: [...enabled, 'silent-mirror.service', 'qubes-qrexec-agent.service', 'qrexec-broker.service'],
      }),
    );
    const leased = async () => {
      const environment = 'QREXEC_AGENT_SOCKET=/run/admin/qrexec-agent';
      const status = JSON.parse(await qubeOf.run('env', environment, 'rebuilderctl', 'status', '--json'));
      return status.queues.find(({ queue }: { queue: string }) => queue === 'get');
    };
    await expect.poll(leased, { timeout: 120_000, interval: 500 }).toMatchObject({ leased: 1 });
    await qubeOf.run('systemctl', 'stop', service('getter'));
    expect(await leased()).toMatchObject({ leased: 0, pending: 1 });
    expect(await qubeOf.show(service('getter'), 'Result')).toBe('success');
    expect(await qubeOf.show(service('getter'), 'ExecMainStatus')).toBe('0');
  });
});
