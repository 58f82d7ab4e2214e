import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPublicKeys } from '../../../daemons/attester/keys.ts';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { QubeRoot } from '../../support/salt/qube-root.ts';
import { changed, failed, Site } from '../../support/salt/site.ts';

const keys = { reproducible: 'A'.repeat(40), unreproducible: 'B'.repeat(40) };
const ofQubes = ['qubes-core-agent-networking', 'split-gpg2', 'qubes-gpg-split'].map((name) => ({
  package: name,
  version: '4.3',
}));
const suite = { package: 'package-rebuilder', version: '1.0', depends: 'engine' };

describe('the states of templates and qubes', () => {
  let site: Site;
  let qube: QubeRoot;
  beforeAll(async () => {
    site = await Site.make({});
    qube = await QubeRoot.make(site);
  });
  afterAll(async () => await site.remove());

  const installed = async () =>
    [
      ...(await qube.sh('dpkg --list')).matchAll(
        /^ii +((?:engine|package-rebuilder|qubes-|split-)\S*) +(\S+)/gm,
      ),
    ].map(([, name, version]) => `${name} ${version}`);

  it('install the package that dom0 carries, with what it depends on, once', async () => {
    await qube.offer([...ofQubes, { package: 'engine', version: '1' }]);
    await qube.package(suite);
    expect(failed(await qube.apply('package-rebuilder.install', 'rebuilder-tpl-debian'))).toEqual([]);
    expect(await installed()).toEqual([
      'engine 1',
      'package-rebuilder 1.0',
      'qubes-core-agent-networking 4.3',
      'split-gpg2 4.3',
    ]);
    const again = await qube.apply('package-rebuilder.install', 'rebuilder-tpl-debian');
    expect([failed(again), changed(again)]).toEqual([[], []]);
  });

  it('update the distribution’s packages and ours', async () => {
    await qube.offer([...ofQubes, { package: 'engine', version: '2' }]);
    await qube.package({ ...suite, version: '1.1' });
    expect(failed(await qube.apply('package-rebuilder.update', 'rebuilder-tpl-debian'))).toEqual([]);
    expect(await installed()).toEqual([
      'engine 2',
      'package-rebuilder 1.1',
      'qubes-core-agent-networking 4.3',
      'split-gpg2 4.3',
    ]);
  });

  it('give the attester public keys, layout and keyring, and never a private key', async () => {
    const home = site.path('gnupg');
    const { stdout } = await run(
      process.execPath,
      ['build/lib/rebuilder-keys.js', 'make', 'Salt <salt@example.org>', '--home', home],
      { timeoutMs: 120_000 },
    );
    const [fingerprint = '', ...armored] = stdout.toString().split('\n');
    await qube.key('ours.asc', armored.join('\n'));
    await qube.key('root.layout', '{}\n');
    await qube.key('beside.gpg', 'a keyring\n');
    const pillar = {
      keys: {
        ...keys,
        public: ['ours.asc'],
        'root-layout': 'root.layout',
        'archive-keyrings': { trixie: 'beside.gpg' },
      },
    };
    await site.setPillar(pillar);
    expect(failed(await qube.apply('package-rebuilder.configure', 'rebuilder-attester'))).toEqual([]);
    const folder = qube.path('var/lib/package-rebuilder/attester/keys');
    expect([...(await readPublicKeys(folder)).keys()]).toEqual([fingerprint]);
    expect(await owner('/var/lib/package-rebuilder/attester/keys/ours.asc')).toBe('rebuilder-attester 644');
    const own = '/rw/config/package-rebuilder';
    expect(await qube.sh(`cat ${own}/root.layout ${own}/beside.gpg`)).toBe('{}\na keyring\n');
    const again = await qube.apply('package-rebuilder.configure', 'rebuilder-attester');
    expect([failed(again), changed(again)]).toEqual([[], []]);

    const secret = '-----BEGIN PGP PRIVATE KEY BLOCK-----\nc2VjcmV0\n';
    await qube.key('secret.asc', secret);
    await site.setPillar({ keys: { ...keys, public: ['secret.asc'] } });
    const refused = await site.call('state.show_sls', ['package-rebuilder.configure'], 'rebuilder-attester');
    const { 'package-rebuilder-key-secret.asc': state } = refused as Record<string, object>;
    expect(JSON.stringify(state)).toContain('Found a private key, expected a public one');
    expect(JSON.stringify(refused)).not.toContain('c2VjcmV0');
  });

  it('make the uploader’s key in its qube, once, and pin the mirror', async () => {
    const line = 'mirror.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJustForATest';
    const mirror = { host: 'us@mirror.example.org', folder: '/srv/mirror', 'known-hosts': [line] };
    await site.setPillar({ mirror });
    const states = await qube.apply('package-rebuilder.configure', 'rebuilder-uploader');
    expect(failed(states)).toEqual([]);
    const ssh = '/rw/config/package-rebuilder/ssh';
    const pub = await qube.sh(`cat ${ssh}/id_ed25519.pub`);
    expect(pub).toMatch(/^ssh-ed25519 \S+ rebuilder-uploader\n$/);
    expect(JSON.stringify(states)).toContain(pub.trim());
    expect(JSON.stringify(states)).not.toContain('PRIVATE');
    expect(await owner(`${ssh}/id_ed25519`)).toBe('rebuilder-uploader 600');
    expect(await qube.sh(`cat ${ssh}/known_hosts`)).toBe(`${line}\n`);
    const again = await qube.apply('package-rebuilder.configure', 'rebuilder-uploader');
    expect([failed(again), changed(again)]).toEqual([[], []]);
    expect(await qube.sh(`cat ${ssh}/id_ed25519.pub`)).toBe(pub);
  });

  it('have the vault sign unasked for the attester alone, by either split-GPG', async () => {
    const stamp = '/run/qubes-gpg-split/stat.rebuilder-attester';
    const conf = '/home/user/.config/qubes-split-gpg2/conf.d/50-package-rebuilder.conf';
    await site.setPillar({ keys: { openpgp: 'qubes.Gpg' } });
    expect(failed(await qube.apply('package-rebuilder.configure', 'rebuilder-vault'))).toEqual([]);
    const consent = async () => Number(await qube.sh(`stat --format %Y ${stamp}`));
    expect(await consent()).toBe(Date.UTC(2100, 0, 1) / 1_000);
    // What Qubes does at every boot.
    await qube.sh('rm -r /run/qubes-gpg-split; /rw/config/rc.local.d/package-rebuilder.rc');
    expect(await consent()).toBe(Date.UTC(2100, 0, 1) / 1_000);

    await site.setPillar({ keys: { openpgp: 'qubes.Gpg2' } });
    expect(failed(await qube.apply('package-rebuilder.configure', 'rebuilder-vault'))).toEqual([]);
    const said = (await readFile(qube.path(conf), 'utf8')).split('\n').filter((one) => !one.startsWith('#'));
    expect(said).toEqual([
      '[client:rebuilder-attester]',
      'pksign_autoaccept = yes',
      'pkdecrypt_autoaccept = no',
      '',
    ]);
    expect(await owner(conf)).toBe('user 600');
    expect(await qube.sh(`ls ${stamp} /rw/config/rc.local.d 2>/dev/null || true`)).toBe(
      '/rw/config/rc.local.d:\n',
    );
  });

  const owner = async (path: string) => (await qube.sh(`stat --format '%U %a' ${path}`)).trim();
});
