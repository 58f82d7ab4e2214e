import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../daemons/lib/daemon/program.ts';
import { type DemoRow, parseLines } from '../demo/follow.ts';
import { endAgents, makeOwner, makeSignedLayout, type Owner } from '../demo/keys.ts';
import { suite } from '../support/beside-mirror.ts';
import { InstalledLine, type LineRole, lineRoles } from './installed-line.ts';

/** Of the demo's packages the one that all architectures share. */
const source = 'debootstrap';
const patience = { timeout: 580_000, interval: 2_000 };

let line: InstalledLine;
let row: DemoRow;
beforeAll(async () => {
  line = await InstalledLine.open();
});
afterAll(async () => await line?.close());

const ctl = (...args: readonly string[]) => line.qube('admin').run('rebuilderctl', ...args);
const typed = (call: string) =>
  line.qube('admin').run('sh', '-c', `qrexec-client-vm @default ${call} </dev/null`);

it('has one role a qube, and no network but where its work is to bring and to send', async () => {
  for (const role of lineRoles) {
    const active = ['list-units', '--state=active', '--plain', '--no-legend', 'package-rebuilder-*.service'];
    const units = await line.qube(role).run('systemctl', ...active);
    expect(units.split('\n').map((unit) => unit.split(' ')[0])).toEqual([
      `package-rebuilder-${role}.service`,
      '',
    ]);
    if (role === 'getter') continue;
    const links = (await line.qube(role).run('cat', '/proc/net/dev')).match(/^ *\S+(?=:)/gm);
    expect(links?.map((name) => name.trim())).toEqual(['lo']);
  }
});

it('rebuilds what the admin asks for, in a disposable of its own, and publishes a link that verifies', async () => {
  await ctl('trigger', 'rebuild', source, `${suite}.all`);
  const verdict = async () => {
    [row] = parseLines<DemoRow>(await ctl('results', source, '--json')) as [DemoRow];
    return row?.verdict;
  };
  await expect.poll(verdict, patience).toEqual(expect.any(String));
  expect(row).toMatchObject({ verdict: 'reproducible', code: null });
  expect(line.joined.disposables.failures).toEqual([]);
  expect(line.joined.disposables.past).toHaveLength(1);
  const status = await typed('rebuilder.Query+status');
  expect(status).toMatch(/^rebuild +0 +0 /m);
  const sent = join(line.mirror, `rebuild/debian/sources/${source}/${row.version}/metadata`);
  const published = async () =>
    (await run('find', [line.mirror, '-path', sent], { timeoutMs: 10_000 })).stdout;
  await expect.poll(async () => String(await published()), patience).toBe(`${sent}\n`);
  await verified(sent);
});

/** By in-toto itself, and by the verdict of apt's method on the rebuilt file, in a qube that has the mirror's files. */
async function verified(link: string): Promise<void> {
  const admin = line.qube('admin');
  const at = (name: string) => admin.path(join('root', name));
  const owner = await makeOwner(at('owner'));
  const keyring = at('keyring');
  try {
    const rebuilder = at('rebuilder.asc');
    await admin.run('sh', '-c', 'cat > /root/rebuilder.asc <<E\n'.concat(line.vaultKey.armored, '\nE'));
    await makeSignedLayout({ owner, rebuilder, layout: at('root.layout'), keyring });
    const key = line.vaultKey.fingerprint.toLowerCase();
    await run('in-toto-sign', ['-f', link, '--verify', '--gpg', key, '--gpg-home', keyring], {
      timeoutMs: 60_000,
    });
    await cp(join(line.mirror, 'rebuild/debian'), at('publication'), { recursive: true });
    await ctl('results', source, '--output', '/root/rebuilt');
    await admin.run('sh', '-ec', accepted(owner));
  } finally {
    await endAgents(owner.home, keyring);
  }
}

function accepted({ fingerprint }: Owner): string {
  return `gpg --homedir /root/owner --armor --export ${fingerprint} > /root/owner.asc
    exec rebuilderctl verify /root/rebuilt/*.deb --layout /root/root.layout --owner-key /root/owner.asc --publication /root/publication`;
}

/** What each qube's journal says of one build, by the command of docs/operations.md. */
const parts: Readonly<Record<LineRole, (build: string) => readonly RegExp[]>> = {
  orchestrator: (build) =>
    ['inputs', 'rebuild', 'attest'].flatMap((stage) =>
      ['leased', 'done'].map((event) => new RegExp(`^${event} qube=\\S+ .* job=${build}\\.${stage}$`, 'm')),
    ),
  getter: (build) =>
    ['leased', 'done'].map((event) => new RegExp(`^${event} .* job=${build}\\.inputs `, 'm')),
  rebuilder: (build) => [new RegExp(`^building job=${build}\\.rebuild `, 'm')],
  attester: (build) => [new RegExp(`^reproducible .* job=${build}\\.attest `, 'm')],
  vault: (build) => [
    new RegExp(`^signed kind=reproducible .* qube=rebuilder-attester job=${build}\\.attest$`, 'm'),
  ],
  reporter: (build) => [new RegExp(`^carries builds=${build} job=[a-z2-7]{16}\\.report$`, 'm')],
  uploader: (build) => [new RegExp(`^carries builds=${build} job=[a-z2-7]{16}\\.upload$`, 'm')],
};

it.each(lineRoles)('shows in the journal of the %s its part of that build', async (role) => {
  const journal = await line.qube(role).journal('--unit', 'package-rebuilder-*', '--grep', row.build);
  for (const part of parts[role](row.build)) expect(journal).toMatch(part);
});

it('has the link signed by split-GPG 2 in the vault, whose journal says so', async () => {
  const vault = await line.qube('vault').journal('--unit', 'package-rebuilder-vault');
  expect(vault).toMatch(/^signed digest=8:[0-9a-f]{64} keygrip=[0-9A-F]{40} qube=rebuilder-attester$/m);
});

it('leaves no word of Node.js in any journal', async () => {
  for (const role of lineRoles) {
    const found = ['--unit', 'package-rebuilder-*', '--grep', '^\\(node:\\d+\\)', '--quiet'];
    const { stdout } = await line.qube(role).try('journalctl', '--no-pager', '--output=cat', ...found);
    expect(stdout).toBe('');
  }
});
