import { afterEach, describe, expect, it } from 'vitest';
import { type DemoRow, parseLines } from '../demo/follow.ts';
import { machinesMirror, officialLine, suite } from '../support/beside-mirror.ts';
import { Machine } from '../support/machine.ts';
import { lineCtl } from './standalone-line.ts';

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.close();
  machine = undefined;
});

/**
 * A container's /proc is read-only and masked in parts, and then no namespace inside may have one of its own (mount_too_revealing
 * of the kernel's fs/namespace.c); with a whole one beside it the machine is like any other host.
 */
const wholeProc = {
  'etc/systemd/system/whole-proc.service': `\
[Unit]
After=systemd-sysctl.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mkdir -p /run/whole-proc
ExecStart=/bin/mount -t proc proc /run/whole-proc
ExecStart=/bin/mount -o remount,bind,rw /proc/sys
`,
};

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
      return JSON.parse(await lineCtl(host, 'status', '--json'))
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

  it('rebuilds a package under its own unit, in a sandbox', async () => {
    const settings = `[common]\nkeep-bases = no\n[debian]\nmirror = ${officialLine(await machinesMirror())}\n`;
    machine = await Machine.boot({
      files: { ...wholeProc, 'etc/package-rebuilder/rebuilder.conf': settings },
      enabled: ['whole-proc.service'],
      isNetworked: true,
    });
    const host = machine;
    await host.run('systemctl', 'start', 'rebuilder');
    await lineCtl(host, 'trigger', 'rebuild', 'debootstrap', `${suite}.all`);
    const row = async () =>
      parseLines<DemoRow & { state: string }>(await lineCtl(host, 'results', 'debootstrap', '--json'))[0];
    const isOver = async () => !['pending', 'running'].includes((await row())?.state ?? 'pending');
    await expect.poll(isOver, { timeout: 580_000, interval: 2_000 }).toBe(true);
    expect(await row()).toMatchObject({ verdict: 'reproducible', code: null });
  });
});
