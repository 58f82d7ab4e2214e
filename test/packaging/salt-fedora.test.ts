import { chmod, copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packagesFolder, rpmPackages } from '../support/installed-root.ts';
import { buildNextRelease } from '../support/rpm-build.ts';
import { packagedSite } from '../support/salt/packaged.ts';
import { QubeRoot } from '../support/salt/qube-root.ts';
import { changed, failed, type Site } from '../support/salt/site.ts';

const id = 'rebuilder-tpl-fedora';

/** As Fedora has it (os-release(5)): Salt's grains come from there. */
const osRelease = 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=42\nPRETTY_NAME="Fedora Linux 42"\n';

/** Real Salt, real rpm with its database and scriptlets; dnf alone is stood in for (test/support/salt/dnf). */
describe('the states of a template of Fedora, as dom0’s package brings them', () => {
  let site: Site;
  let qube: QubeRoot;
  beforeAll(async () => {
    site = await packagedSite({});
    qube = await QubeRoot.make(site);
    await qube.sh('apt-get --quiet --yes --no-install-recommends install rpm && rpm --initdb');
    await rm(qube.path('etc/os-release'), { force: true });
    await writeFile(qube.path('etc/os-release'), osRelease);
    await copyFile(resolve('test/support/salt/dnf'), qube.path('usr/bin/dnf'));
    await chmod(qube.path('usr/bin/dnf'), 0o755);
    expect(failed(await site.apply('package-rebuilder.create'))).toEqual([]);
  });
  afterAll(async () => await site?.remove());

  const installed = () => qube.sh('rpm --query package-rebuilder');
  const asked = async () => (await readFile(qube.path('dnf.log'), 'utf8')).trimEnd().split('\n');

  it('install the RPM that dom0 has, once', async () => {
    expect(failed(await qube.apply('package-rebuilder.install', id))).toEqual([]);
    const [ours = ''] = await rpmPackages();
    expect(`${(await installed()).trim()}.rpm`).toBe(ours);
    expect(await qube.sh('id -nG rebuilder-getter')).toMatch(/\bqubes\b/);
    expect(await readdir(qube.path('etc/systemd/system/multi-user.target.wants'))).toContain(
      'package-rebuilder-getter.service',
    );
    const again = await qube.apply('package-rebuilder.install', id);
    expect([failed(again), changed(again)]).toEqual([[], []]);
    expect((await asked()).filter((line) => line.includes(' install '))).toHaveLength(1);
  });

  it('update what the distribution has newer, and ours when dom0 has', async () => {
    const [ours = ''] = await rpmPackages();
    const carried = site.path('srv/salt/package-rebuilder/packages/package-rebuilder.rpm');
    await copyFile(await buildNextRelease(site.path('later'), 'package-rebuilder'), carried);
    expect(failed(await qube.apply('package-rebuilder.update', id))).toEqual([]);
    expect((await installed()).trim()).toBe(ours.replace(/-1\.x86_64\.rpm$/, '-2.x86_64'));
    expect(await asked()).toContain('--quiet list --upgrades');
    const again = await qube.apply('package-rebuilder.update', id);
    expect([failed(again), changed(again)]).toEqual([[], []]);
    expect(await readdir(packagesFolder)).toContain(ours);
  });

  it('have the package from an archive, where dom0 carries none, without what it only recommends', async () => {
    const [ours = ''] = await rpmPackages();
    await site.setPillar({ packages: 'archive' });
    await qube.sh('rpm --erase --nodeps --noplugins package-rebuilder && mkdir /srv/fedora && rm /dnf.log');
    await copyFile(join(packagesFolder, ours), qube.path(`srv/fedora/${ours}`));
    expect(failed(await qube.apply('package-rebuilder.install', id))).toEqual([]);
    expect(`${(await installed()).trim()}.rpm`).toBe(ours);
    const again = await qube.apply('package-rebuilder.install', id);
    expect([failed(again), changed(again)]).toEqual([[], []]);
    const carried = site.path('srv/salt/package-rebuilder/packages/package-rebuilder.rpm');
    await copyFile(carried, qube.path('srv/fedora/later.rpm'));
    expect(failed(await qube.apply('package-rebuilder.update', id))).toEqual([]);
    expect((await installed()).trim()).toBe(ours.replace(/-1\.x86_64\.rpm$/, '-2.x86_64'));
    const installs = (await asked()).filter((line) => line.includes(' install '));
    expect(installs).toHaveLength(2);
    for (const line of installs) expect(line).toContain('--setopt=install_weak_deps=False');
  });
});
