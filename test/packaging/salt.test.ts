import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPublicKeys } from '../../daemons/attester/keys.ts';
import { run } from '../../daemons/lib/daemon/program.ts';
import { packagesFolder } from '../support/installed-root.ts';
import { packagedSite } from '../support/salt/packaged.ts';
import { QubeRoot } from '../support/salt/qube-root.ts';
import { changed, failed, type Site } from '../support/salt/site.ts';

const keys = { reproducible: 'A'.repeat(40), unreproducible: 'B'.repeat(40) };
const ofQubes = ['qubes-core-agent-networking', 'split-gpg2', 'qubes-gpg-split'].map((name) => ({
  package: name,
  version: '4.3',
}));

/** From the package for dom0 to the qubes: Salt's states as it installs them, and what it carries for the templates. */
describe('the states of templates and qubes, as dom0’s package brings them', () => {
  let site: Site;
  let qube: QubeRoot;
  beforeAll(async () => {
    site = await packagedSite({});
    qube = await QubeRoot.make(site);
  });
  afterAll(async () => await site?.remove());

  const version = (name: string) =>
    qube.sh(`dpkg-query --show --showformat '\${db:Status-Status} \${Version}' ${name}`);

  it('install in a template the package that dom0 has, with what it depends on from the archive, once', async () => {
    expect(failed(await site.apply('package-rebuilder.create'))).toEqual([]);
    await qube.offer(ofQubes);
    expect(failed(await qube.apply('package-rebuilder.install', 'rebuilder-tpl-debian'))).toEqual([]);
    const [ours = ''] = (await readdir(packagesFolder)).filter((one) => one.startsWith('package-rebuilder_'));
    expect(await version('package-rebuilder')).toBe(`installed ${ours.split('_')[1]}`);
    expect(await version('split-gpg2')).toBe('installed 4.3');
    expect(await version('uidmap')).toMatch(/^installed /);
    // Byte for byte what `make deb` made.
    const { stdout } = await run(
      'dpkg-deb',
      ['--control', join(packagesFolder, ours), site.path('control')],
      {
        timeoutMs: 60_000,
      },
    );
    expect(stdout.toString()).toBe('');
    expect(await qube.sh('cd / && md5sum --quiet --check /var/lib/dpkg/info/package-rebuilder.md5sums')).toBe(
      '',
    );
    expect(await readFile(qube.path('var/lib/dpkg/info/package-rebuilder.md5sums'), 'utf8')).toBe(
      await readFile(site.path('control/md5sums'), 'utf8'),
    );
    const again = await qube.apply('package-rebuilder.install', 'rebuilder-tpl-debian');
    expect([failed(again), changed(again)]).toEqual([[], []]);
  });

  it('update what the distribution has newer, and ours when dom0 has', async () => {
    await qube.offer(ofQubes.map((one) => ({ ...one, version: '4.4' })));
    const carried = site.path('srv/salt/package-rebuilder/packages/package-rebuilder.deb');
    await run('sh', ['-ec', later, 'sh', carried, site.path('raw'), '9.0'], { timeoutMs: 60_000 });
    expect(failed(await qube.apply('package-rebuilder.update', 'rebuilder-tpl-debian'))).toEqual([]);
    expect(await version('package-rebuilder')).toBe('installed 9.0');
    expect(await version('split-gpg2')).toBe('installed 4.4');
  });

  it('have the package from an archive, where dom0 carries none', async () => {
    await site.setPillar({ packages: 'archive' });
    const made = qube.path('srv/archive/package-rebuilder_9.1.deb');
    await copyFile(site.path('srv/salt/package-rebuilder/packages/package-rebuilder.deb'), made);
    await run('sh', ['-ec', later, 'sh', made, site.path('raw-again'), '9.1'], { timeoutMs: 60_000 });
    await qube.sh('apt-get --quiet --yes purge package-rebuilder');
    await qube.offer(ofQubes);
    expect(failed(await qube.apply('package-rebuilder.install', 'rebuilder-tpl-debian'))).toEqual([]);
    expect(await version('package-rebuilder')).toBe('installed 9.1');
    const again = await qube.apply('package-rebuilder.update', 'rebuilder-tpl-debian');
    expect([failed(again), changed(again)]).toEqual([[], []]);
  });

  it.each(['orchestrator', 'getter', 'worker', 'reporter'])(
    'configure the qube of %s, once',
    async (kind) => {
      await site.setPillar({ dists: ['trixie.amd64'], keys });
      expect(await configured(kind)).toEqual([[], []]);
    },
  );

  it('give the webhook a file of hooks, whose secrets are made there and known nowhere else', async () => {
    await site.setPillar({ webhook: true });
    expect(await configured('webhook')).toEqual([[], []]);
    const file = '/rw/config/package-rebuilder/webhooks';
    expect(await owner(file)).toBe('rebuilder-webhook 600');
    const lib = '/usr/lib/package-rebuilder';
    const daemon = await qube.sh(`runuser -u rebuilder-webhook -- node ${lib}/webhook.js || true`);
    const add = `node ${lib}/webhook-hooks.js add`;
    expect(daemon).toContain(`${file}: no hook`);
    expect(daemon).toContain(`\`${add} NAME STYLE\``);

    const secret = (await qube.sh(`${add} salsa github 2>/dev/null`)).trim();
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    await qube.sh(`echo whsec_of-the-forge-itself | ${add} ours gitlab trixie.amd64 --given`);
    expect(await qube.sh(`grep -v '^#' ${file}`)).toBe(
      `salsa github ${secret}\nours gitlab whsec_of-the-forge-itself trixie.amd64\n`,
    );
    expect(await owner(file)).toBe('rebuilder-webhook 600');
    expect(await qube.sh(`node ${lib}/webhook-hooks.js list`)).toBe(
      'salsa github\nours gitlab trixie.amd64\n',
    );
    expect(await configured('webhook')).toEqual([[], []]);
    expect(await qube.sh(`cat ${file}`)).toContain(secret);
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

  /** What fails when a qube is configured, and what changes when it is again. */
  async function configured(kind: string) {
    const first = await qube.apply('package-rebuilder.configure', `rebuilder-${kind}`);
    const again = await qube.apply('package-rebuilder.configure', `rebuilder-${kind}`);
    return [[...failed(first), ...failed(again)], changed(again)];
  }

  const owner = async (path: string) => (await qube.sh(`stat --format '%U %a' ${path}`)).trim();
});

/** The same package under a later version: later FILE FOLDER VERSION. */
const later = `
  dpkg-deb --raw-extract "$1" "$2"
  sed -i "s/^Version: .*/Version: $3/" "$2/DEBIAN/control"
  dpkg-deb --root-owner-group -Znone --build "$2" "$1"`;
