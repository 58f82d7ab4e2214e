import { afterEach, describe, expect, it } from 'vitest';
import { Machine } from '../support/machine.ts';

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.close();
  machine = undefined;
});

const socket = '/var/lib/rebuilder-line/qubes/rebuilder-admin/qrexec-agent';

describe('a Debian host on which package-rebuilder-standalone is installed', () => {
  it('runs the whole line once it is told to, each role as its own user, and nothing of it before', async () => {
    const watchdog = '[Service]\nWatchdogSec=10s\n';
    machine = await Machine.boot({
      files: { 'etc/systemd/system/rebuilder.service.d/test.conf': watchdog },
    });
    const host = machine;
    expect(await host.show('rebuilder.service', 'ActiveState')).toBe('inactive');
    await host.run('systemctl', 'enable', '--now', 'rebuilder');
    const seen = async () => {
      const told = await host.run('env', `QREXEC_AGENT_SOCKET=${socket}`, 'rebuilderctl', 'status', '--json');
      return JSON.parse(told)
        .workers.map(({ qube }: { qube: string }) => qube)
        .sort();
    };
    const workers = ['attester', 'getter', 'reporter', 'uploader', 'worker'];
    await expect.poll(seen, { timeout: 60_000 }).toEqual(workers.map((role) => `rebuilder-${role}`));
    const users = await host.run('ps', '-C', 'node', '-o', 'user:40=');
    for (const role of [...workers, 'orchestrator', 'vault', 'broker', 'disposable']) {
      expect(users).toContain(`rebuilder-${role}\n`);
    }
    expect(await host.show('rebuilder.service', 'NRestarts')).toBe('0');
    const line = await host.show('rebuilder.service', 'MainPID');
    await host.run('kill', '-STOP', line);
    const again = async () => (await host.show('rebuilder.service', 'NRestarts')) === '1' && (await seen());
    await expect.poll(again, { timeout: 60_000 }).toEqual(workers.map((role) => `rebuilder-${role}`));
    expect(await host.journal('--unit', 'rebuilder')).toMatch(/watchdog timeout/i);
    await host.run('systemctl', 'disable', '--now', 'rebuilder');
    expect(await host.show('rebuilder.service', 'Result')).toBe('success');
    expect((await host.try('pgrep', '--full', 'lib/package-rebuilder/')).stdout).toBe('');
  });
});
