import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitGpgSigner } from '../../daemons/attester/sign/split-gpg.ts';
import { splitGpg2Signer } from '../../daemons/attester/sign/split-gpg2.ts';
import { openVaultAgent } from '../../daemons/attester/sign/vault-agent.ts';
import { systemClock as clock } from '../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../daemons/lib/daemon/log.ts';
import { run } from '../../daemons/lib/daemon/program.ts';
import { type Fingerprint, parseFingerprint } from '../../daemons/lib/domain/names.ts';
import { qrexecCaller } from '../../daemons/lib/wire/call.ts';
import { program } from '../support/direct-qrexec.ts';
import { type GnuPg, openGnuPg } from '../support/gnupg.ts';
import { packagedSite } from '../support/salt/packaged.ts';
import { QubeRoot } from '../support/salt/qube-root.ts';
import { failed, type Site } from '../support/salt/site.ts';

/** Checkouts of Qubes' qubes-app-linux-split-gpg and qubes-app-linux-split-gpg2, which no registry of packages has. */
const { QUBES_SPLIT_GPG: one, QUBES_SPLIT_GPG2: two } = process.env;
const document = Buffer.from('what is signed\n');

describe.skipIf(one === undefined || two === undefined)("Qubes' own split-GPG servers", () => {
  let folder: string;
  let site: Site;
  let vault: QubeRoot;
  let gnupg: GnuPg;
  let key: Fingerprint;
  let publicKey: Buffer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'split-gpg-'));
    gnupg = openGnuPg();
    site = await packagedSite({});
    vault = await QubeRoot.make(site);
    await site.apply('package-rebuilder.create');
    const ofQubes = ['qubes-core-agent-networking', 'split-gpg2', 'qubes-gpg-split'];
    await vault.offer(ofQubes.map((name) => ({ package: name, version: '4.3' })));
    expect(failed(await vault.apply('package-rebuilder.install', 'rebuilder-tpl-debian'))).toEqual([]);
    await installServers();
    const made = await asUser(
      "node /usr/lib/package-rebuilder/rebuilder-keys.js make 'Us <us@example.org>' --home ~/.gnupg",
    );
    key = parseFingerprint(made.slice(0, 40));
    publicKey = gnupg.gpg(['--dearmor'], made.slice(41));
    gnupg.gpg(['--import'], publicKey);
  });
  afterAll(async () => {
    await asUser('for home in ~/.gnupg ~/.gnupg/*/; do gpgconf --homedir "$home" --kill all; done').catch(
      () => {},
    );
    await site?.remove();
    gnupg?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function installServers(): Promise<void> {
    cpSync(join(one ?? '', 'src'), join(folder, 'src'), { recursive: true });
    await run('make', ['--directory', join(folder, 'src')], { timeoutMs: 60_000 });
    mkdirSync(vault.path('usr/lib/qubes-gpg-split'));
    cpSync(join(folder, 'src/gpg-server'), vault.path('usr/lib/qubes-gpg-split/gpg-server'));
    cpSync(join(one ?? '', 'qubes.Gpg.service'), vault.path('etc/qubes-rpc/qubes.Gpg'));
    cpSync(join(two ?? '', 'splitgpg2'), vault.path('usr/lib/python3/dist-packages/splitgpg2'), {
      recursive: true,
    });
    const install = ['install-other', `DESTDIR=${vault.path('')}`];
    await run('make', ['--directory', two ?? '', ...install], { timeoutMs: 60_000 });
    // Debian's gnupg2 has it, on which qubes-gpg-split depends.
    await vault.sh('chmod 755 /etc/qubes-rpc/qubes.Gpg; ln -sf gpg /usr/bin/gpg2');
    // Who is asked says no.
    await vault.sh('printf "#!/bin/sh\\nexit 1\\n" >/usr/bin/zenity; chmod 755 /usr/bin/zenity');
  }

  async function asUser(line: string): Promise<string> {
    return await vault.sh(`runuser -u user -- env HOME=/home/user sh -c '${line.replaceAll("'", `'\\''`)}'`);
  }

  /** What qrexec does for a call that policy allowed: the service runs in the vault as its ordinary user. */
  function callerOf(qube: string) {
    const env = `env -i HOME=/home/user USER=user PATH=/usr/bin:/bin QREXEC_REMOTE_DOMAIN=${qube}`;
    const service = `exec chroot "$0" runuser -u user -- ${env} sh -lc "exec /etc/qubes-rpc/$1"`;
    const client = program(
      folder,
      `#!/bin/sh\nexec unshare --mount sh -c 'mount -t proc proc "$0/proc" && ${service}' ${vault.path('')} "$2"\n`,
    );
    const log = openLog('test', { style: 'plain', level: 'error', write: () => {} });
    return qrexecCaller({ clock, log, program: client });
  }

  async function signers(qube: string) {
    const caller = callerOf(qube);
    const home = join(folder, qube);
    const agent = await openVaultAgent({ home, publicKeys: [publicKey], clock, caller });
    return {
      'qubes.Gpg': splitGpgSigner(key, { caller, clock }),
      'qubes.Gpg2': splitGpg2Signer(key, agent),
      close: () => agent.close(),
    };
  }

  function isGood(signature: Uint8Array): boolean {
    const file = join(folder, 'signature');
    writeFileSync(file, signature);
    gnupg.gpg(['--verify', file, '-'], document);
    return true;
  }

  it.each(['qubes.Gpg', 'qubes.Gpg2'] as const)(
    'sign by %s what the attester asks for, many at once, and ask nobody; not for another qube',
    async (openpgp) => {
      await site.setPillar({ keys: { openpgp } });
      expect(failed(await vault.apply('package-rebuilder.configure', 'rebuilder-vault'))).toEqual([]);
      const attester = await signers('rebuilder-attester');
      const other = await signers('rebuilder-getter');
      try {
        // As after a key was made or imported: split-gpg2 makes its keyring of subkeys again, in each call that sees that.
        await asUser('touch ~/.gnupg');
        const made = await Promise.all(Array.from({ length: 8 }, () => attester[openpgp].sign(document)));
        expect(made.map(isGood)).toEqual(Array.from({ length: 8 }, () => true));
        await expect(other[openpgp].sign(document)).rejects.toThrow(/declined or could not be asked/);
        // The way that the pillar does not name consents to nobody.
        const unasked = openpgp === 'qubes.Gpg' ? 'qubes.Gpg2' : 'qubes.Gpg';
        await expect(attester[unasked].sign(document)).rejects.toThrow(/declined or could not be asked/);
      } finally {
        await attester.close();
        await other.close();
      }
    },
  );
});
