import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../daemons/lib/daemon/program.ts';
import { enabledUnits } from '../../tools/systemd/units.ts';
import type { AptRoot } from '../support/apt-root.ts';
import { makeTrixieRoot, must, packagesFolder, rpmPackages } from '../support/installed-root.ts';
import { buildNextRelease } from '../support/rpm-build.ts';

const timeoutMs = 600_000;
const pillar = 'srv/pillar/package-rebuilder.sls';

/** dom0's qubesctl (qubes-mgmt-salt, qubesctl), as far as the scriptlets go: it writes down what it was asked for. */
const qubesctl = '#!/bin/sh\necho "$*" >>/qubesctl.log\n';

let scratch: string;
let root: AptRoot;
const old: Record<'daemons' | 'dom0', string> = { daemons: '', dom0: '' };
const newer: Record<'daemons' | 'dom0', string> = { daemons: '', dom0: '' };

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'rpm-scripts-'));
  const [daemons = '', dom0 = ''] = (await rpmPackages()).map((name) => join(packagesFolder, name));
  Object.assign(old, { daemons, dom0 });
  root = await makeTrixieRoot(join(scratch, 'root'));
  writeFileSync(root.path('usr/bin/qubesctl'), qubesctl, { mode: 0o755 });
  const top = join(scratch, 'newer');
  newer.daemons = await buildNextRelease(top, 'package-rebuilder');
  newer.dom0 = await buildNextRelease(top, 'package-rebuilder-dom0', withMore);
  await rpm('--initdb');
});
afterAll(async () => await rm(scratch, { recursive: true, force: true }));

/** What people may edit and what they may not, each with a line more. */
function withMore(spec: string): string {
  const lines = [pillar, 'srv/salt/package-rebuilder/create.sls'].map(
    (path) => `echo '# newer' >> %{buildroot}/${path}\n`,
  );
  return spec.replace(/^%post$/m, `${lines.join('')}\n%post`);
}

/** The host's rpm on the root's own database, with its scriptlets: they run there. */
async function rpm(...args: readonly string[]): Promise<string> {
  const script = 'mount -t proc proc "$0/proc" && exec rpm --root "$0" "$@"';
  const inside = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script, root.folder, ...args];
  const { stdout, stderr } = await run('unshare', inside, { timeoutMs });
  // rpm goes on when a scriptlet has failed, and only says so.
  expect(stderr).not.toContain('scriptlet failed');
  return stdout.toString('utf8');
}

const change = (...args: readonly string[]) =>
  rpm(...args.slice(0, 1), '--nodeps', '--ignorearch', ...args.slice(1));

/** Which of the suite's units this root starts, by the links that systemctl made. */
const enabled = () =>
  ['multi-user.target.wants', 'sockets.target.wants']
    .map((name) => root.path(join('etc/systemd/system', name)))
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []))
    .filter((name) => name.startsWith('package-rebuilder'))
    .sort();

describe('the RPM of the daemons, installed for real', () => {
  const units = [...enabledUnits()].sort();

  it('makes the users in their groups, gives ranges of ids, and enables the units', async () => {
    await change('--install', old.daemons);
    for (const role of ['orchestrator', 'getter', 'worker', 'attester', 'vault', 'reporter', 'uploader']) {
      expect((await must(root, 'id', '-nG', `rebuilder-${role}`)).split(/\s+/)).toContain('qubes');
    }
    for (const kind of ['uid', 'gid']) {
      expect(readFileSync(root.path(`etc/sub${kind}`), 'utf8')).toMatch(/^rebuilder-disposable:\d+:65536$/m);
    }
    expect(enabled()).toEqual(units);
  });

  it('keeps on upgrade what the operator has switched off, and the users', async () => {
    const before = await must(root, 'getent', 'passwd', 'rebuilder-getter');
    await must(root, 'systemctl', 'disable', 'package-rebuilder-webhook.service');
    await change('--upgrade', newer.daemons);
    expect(enabled()).toEqual(units.filter((unit) => unit !== 'package-rebuilder-webhook.service'));
    expect(await must(root, 'getent', 'passwd', 'rebuilder-getter')).toBe(before);
    expect(await rpm('--query', 'package-rebuilder')).toMatch(/^package-rebuilder-\S+-2\./);
  });

  it('takes its units along when it goes, and leaves the users, whom files belong to', async () => {
    await rpm('--erase', '--nodeps', 'package-rebuilder');
    expect(enabled()).toEqual([]);
    expect(existsSync(root.path('usr/lib/package-rebuilder'))).toBe(false);
    expect(await must(root, 'id', '-nG', 'rebuilder-getter')).toContain('qubes');
  });
});

describe('the RPM of dom0, installed for real', () => {
  const asked = () => readFileSync(root.path('qubesctl.log'), 'utf8').trimEnd().split('\n');

  it('has Salt see its pillar and its states', async () => {
    mkdirSync(root.path('srv'), { recursive: true });
    await change('--install', old.dom0);
    expect(asked().map((line) => line.split(' ')[0])).toEqual([
      'top.enable',
      'saltutil.clear_cache',
      'saltutil.sync_all',
    ]);
    expect(asked()[0]).toContain('package-rebuilder pillar=True');
  });

  it('keeps an edited pillar on upgrade, puts the new one beside it, and replaces the states', async () => {
    writeFileSync(root.path(pillar), 'package-rebuilder: {rebuilders: 2}\n');
    await change('--upgrade', newer.dom0);
    expect(readFileSync(root.path(pillar), 'utf8')).toBe('package-rebuilder: {rebuilders: 2}\n');
    expect(readFileSync(root.path(`${pillar}.rpmnew`), 'utf8')).toMatch(/# newer\n$/);
    expect(readFileSync(root.path('srv/salt/package-rebuilder/create.sls'), 'utf8')).toMatch(/# newer\n$/);
    expect(asked().filter((line) => line.startsWith('top.disable'))).toEqual([]);
  });

  it('goes with everything of it but an edited pillar, and Salt is told', async () => {
    await rpm('--erase', '--nodeps', 'package-rebuilder-dom0');
    expect(asked().at(-1)).toContain('top.disable package-rebuilder pillar=True');
    expect(readdirSync(root.path('srv/pillar')).sort()).toEqual([
      'package-rebuilder.sls.rpmnew',
      'package-rebuilder.sls.rpmsave',
    ]);
    expect(existsSync(root.path('srv/salt/package-rebuilder'))).toBe(false);
    expect(existsSync(root.path('usr/share/package-rebuilder-dom0'))).toBe(false);
  });
});
