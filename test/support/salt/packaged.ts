import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { packagesFolder, rpmPackages } from '../installed-root.ts';
import { type Pillar, Site } from './site.ts';

/** A dom0 in which package-rebuilder-dom0 is installed: Salt's states and what is carried for the templates are its own. */
export async function packagedSite(pillar: Pillar): Promise<Site> {
  const root = await mkdtemp(join(tmpdir(), 'dom0-'));
  try {
    const [, rpm = ''] = await rpmPackages();
    const install = ['--install', '--nodeps', '--noscripts', join(packagesFolder, rpm)];
    for (const args of [['--initdb'], install])
      await run('rpm', ['--root', root, ...args], { timeoutMs: 60_000 });
    return await Site.make(pillar, {
      srv: join(root, 'srv'),
      share: join(root, 'usr/share/package-rebuilder-dom0'),
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
