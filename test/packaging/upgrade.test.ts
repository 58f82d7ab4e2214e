import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { packageFiles } from '../support/installed-root.ts';
import { Machine } from '../support/machine.ts';
import { qube } from './qube.ts';

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.close();
  machine = undefined;
});

async function boot(...roles: Parameters<typeof qube>[0]): Promise<Machine> {
  machine = await Machine.boot(qube(roles));
  return machine;
}

const vault = 'package-rebuilder-vault.service';
const keys = '/var/lib/package-rebuilder/vault/sign';
const config = '/etc/package-rebuilder/rebuilder.conf';

/** The same packages under a later version, as files in the machine. */
async function newer(on: Machine): Promise<readonly string[]> {
  const made: string[] = [];
  for (const name of await packageFiles()) {
    const file = `/root/newer_${name}`;
    const script = `
      dpkg-deb --raw-extract "/root/$1" /root/raw
      sed -i 's/0[.]1[.]0/0.1.1/g' /root/raw/DEBIAN/control
      dpkg-deb -Znone --build /root/raw "$2" && rm -r /root/raw`;
    await on.run('sh', '-ec', script, 'sh', name, file);
    made.push(file);
  }
  return made;
}

describe('the packages, upgraded', () => {
  it('start what runs again, keep what was set and what was made, and start nothing else', async () => {
    const qubeOf = await boot('vault');
    const before = await qubeOf.run('sh', '-c', `sha256sum ${keys}/*`);
    const first = await qubeOf.show(vault, 'MainPID');
    const settings = readFileSync(qubeOf.path(config), 'utf8');
    writeFileSync(qubeOf.path(config), settings.replace('#sign-rate = 1200', 'sign-rate = 7'));
    await qubeOf.run('apt-get', 'install', '--yes', ...(await newer(qubeOf)));
    expect(await qubeOf.run('dpkg-query', '--show', 'package-rebuilder')).toContain('\t0.1.1');
    expect(await qubeOf.show(vault, 'ActiveState')).toBe('active');
    expect(await qubeOf.show(vault, 'MainPID')).not.toBe(first);
    expect(await qubeOf.journal('--unit', vault, '--lines=20')).toContain('ready sign-rate=7');
    expect(await qubeOf.run('sh', '-c', `sha256sum ${keys}/*`)).toBe(before);
    expect(await qubeOf.show('package-rebuilder-getter.service', 'ActiveState')).toBe('inactive');
    expect(await qubeOf.show('rebuilder.service', 'ActiveState')).toBe('inactive');
  });
});

describe('the packages, purged', () => {
  const all = ['package-rebuilder', 'package-rebuilder-standalone', 'package-rebuilder-client'];
  const left = (on: Machine) =>
    on.run(
      'sh',
      '-c',
      'find / -xdev -iname "*rebuilder*" ! -path "/root/*" ! -path "/proc/*" ! -path "/var/lib/apt/*" | sort',
    );

  it('stop what runs and leave nothing but the keys that nobody can make again', async () => {
    const qubeOf = await boot('vault', 'orchestrator');
    const before = await qubeOf.run('sh', '-c', `sha256sum ${keys}/*`);
    const said = await qubeOf.run('apt-get', 'purge', '--yes', ...all);
    expect(said).toContain('signing keys are left in /var/lib/package-rebuilder/vault');
    expect(await qubeOf.run('sh', '-c', 'pgrep --full "[l]ib/package-rebuilder/" || true')).toBe('');
    expect((await qubeOf.try('systemctl', 'list-unit-files', '--no-legend', '*rebuilder*')).stdout).toBe('');
    expect(await qubeOf.run('sh', '-c', `sha256sum ${keys}/*`)).toBe(before);
    const files = (await left(qubeOf))
      .trim()
      .split('\n')
      .filter((path) => !path.startsWith('/var/lib/package-rebuilder'));
    expect(files.filter((path) => !/^\/(run|sys|dev|var\/(log|cache\/man))/.test(path))).toEqual([]);
  });

  it('leave no folder where there was no key, nor the user of a host that joined, though it is logged in', async () => {
    const qubeOf = await boot('orchestrator');
    const key = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}`;
    expect(await qubeOf.run('rebuilderctl', 'host', 'accept', 'second-host', key)).toContain(
      'once the line runs: systemctl enable --now rebuilder',
    );
    await qubeOf.run('systemd-run', '--quiet', '--uid=second-host', 'sleep', '3600');
    await qubeOf.run('apt-get', 'purge', '--yes', ...all);
    expect((await qubeOf.try('getent', 'passwd', 'second-host')).exitCode).toBe(2);
    const files = (await left(qubeOf)).trim().split('\n');
    expect(
      files.filter((path) => path !== '' && !/^\/(run|sys|dev|var\/(log|cache\/man))/.test(path)),
    ).toEqual([]);
  });
});
