import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../../daemons/lib/daemon/program.ts';
import { openApt, type Trust } from '../demo/apt.ts';
import { type DemoRow, parseLines } from '../demo/follow.ts';
import { endAgents, makeOwner, makeSignedLayout } from '../demo/keys.ts';
import { makeVerifier, type Verifier } from '../demo/verifier.ts';
import { machinesMirror, suite } from '../support/beside-mirror.ts';
import { InstalledLine, type LineRole, lineRoles } from './installed-line.ts';

/** Of the demo's packages the one that all architectures share, and one that does not come out identical. */
const source = 'debootstrap';
const unattested = 'cowsay';
const demoVerifier = join(import.meta.dirname, '../../build/test/roots/demo-verifier.tar');
const patience = { timeout: 580_000, interval: 2_000 };

let line: InstalledLine;
let scratch: string;
let verifier: Promise<Verifier>;
let row: DemoRow;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'whole-line-'));
  const folder = join(scratch, 'verifier');
  verifier = makeVerifier({ folder, tarball: demoVerifier, mirror: await machinesMirror() });
  verifier.catch(() => {});
  line = await InstalledLine.open();
});
afterAll(async () => {
  await line?.close();
  await rm(scratch, { recursive: true, force: true });
});

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

it('rebuilds what the admin asks for, each in a disposable of its own, and publishes links that apt believes', async () => {
  for (const name of [source, unattested]) await ctl('trigger', 'rebuild', name, `${suite}.all`);
  const judged = async (name: string) => {
    const [found] = parseLines<DemoRow>(await ctl('results', name, '--json'));
    return found?.verdict == null ? undefined : found;
  };
  for (const name of [source, unattested]) {
    await expect.poll(async () => await judged(name), patience).toBeDefined();
  }
  row = (await judged(source)) as DemoRow;
  expect(row).toMatchObject({ verdict: 'reproducible', code: null });
  const differing = (await judged(unattested))?.files.map(({ verdict }) => verdict);
  expect([...new Set(differing)]).toEqual(['environment-unknown']);
  expect(line.joined.disposables.failures).toEqual([]);
  expect(line.joined.disposables.past).toHaveLength(2);
  const status = await typed('rebuilder.Query+status');
  expect(status).toMatch(/^rebuild +0 +0 /m);
  const sent = join(line.mirror, `rebuild/debian/sources/${source}/${row.version}/metadata`);
  const published = async () =>
    (await run('find', [line.mirror, '-path', sent], { timeoutMs: 10_000 })).stdout;
  await expect.poll(async () => String(await published()), patience).toBe(`${sent}\n`);
  await verified(sent);
});

/** By in-toto itself; then real apt asks the mirror, as `make demo` has it. */
async function verified(link: string): Promise<void> {
  const at = (name: string) => join(scratch, name);
  const owner = await makeOwner(at('owner'));
  const [layout, keyring, rebuilder] = [at('root.layout'), at('keyring'), at('rebuilder.asc')];
  try {
    await writeFile(rebuilder, line.vaultKey.armored);
    await makeSignedLayout({ owner, rebuilder, layout, keyring });
    const key = line.vaultKey.fingerprint.toLowerCase();
    const verify = ['-f', link, '--verify', '--gpg', key, '--gpg-home', keyring];
    await run('in-toto-sign', verify, { timeoutMs: 60_000 });
    await askApt({ layout, keyring, ownerKey: owner.fingerprint });
  } finally {
    await endAgents(owner.home, keyring);
  }
}

async function askApt(trust: Trust): Promise<void> {
  const publication = join(line.mirror, 'rebuild/debian');
  await ctl('results', source, '--output', '/root/rebuilt');
  const rebuilt = line.qube('admin').path('root/rebuilt');
  const deb = (await readdir(rebuilt)).find((name) => name.endsWith('.deb')) ?? '';
  const apt = await openApt(await verifier, { publication, rebuilt, deb }, trust);
  try {
    expect((await apt.installTampered(source)).accepted).toBe(false);
    expect((await apt.install(source)).accepted).toBe(true);
    expect((await apt.install(unattested)).accepted).toBe(false);
  } finally {
    await apt.close();
  }
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
