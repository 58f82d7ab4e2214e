import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { believedParts, type PublicKey, readPublicKeys } from '../../../daemons/attester/keys.ts';
import { openSettings } from '../../../daemons/attester/settings.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { loadConfig } from '../../../daemons/lib/daemon/config.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { type BundledProgram, bundleProgram } from '../../support/program.ts';

describe('the attester’s settings', () => {
  let gnupg: GnuPg;
  let dir: string;
  let program: BundledProgram;
  const keys = { good: '', other: '', expired: '', weak: '', revoked: '' };

  beforeAll(() => {
    gnupg = openGnuPg();
    dir = mkdtempSync(join(tmpdir(), 'settings-'));
    program = bundleProgram('daemons/attester/main.ts');
    keys.good = gnupg.makeKey('Good', 'rsa3072');
    keys.other = gnupg.makeKey('Other', 'rsa2048');
    keys.expired = gnupg.makeKey('Expired', 'rsa2048', 'sign', 'seconds=1');
    keys.weak = gnupg.makeKey('Weak', 'rsa1024');
    keys.revoked = gnupg.makeKey('Revoked', 'rsa2048');
    gnupg.revoke(keys.revoked);
    execFileSync('mkdir', [join(dir, 'keys')]);
    for (const key of Object.values(keys)) {
      writeFileSync(join(dir, 'keys', `${key}.asc`), gnupg.gpg(['--armor', '--export', key]));
    }
  });
  afterAll(() => {
    gnupg.remove();
    program.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  function configFile(lines: readonly string[]): string {
    const path = join(dir, 'rebuilder.conf');
    writeFileSync(path, ['[debian]', 'dist = bookworm.amd64', ...lines, ''].join('\n'));
    return path;
  }

  async function open(lines: readonly string[], known?: ReadonlyMap<string, PublicKey>) {
    const folder = join(dir, 'keys');
    const settings = openSettings({
      config: loadConfig('attester', { paths: [configFile(lines)], env: {} }),
      keys: known ?? (await readPublicKeys(folder)),
      vault: {},
      keysFolder: folder,
      signerFor: ({ fingerprint }) => ({ fingerprint, sign: async () => Buffer.alloc(0) }),
      now: systemClock.now() + 5_000,
    });
    return settings.of;
  }

  it('give a dist its folder, its keys, and the keyring of its feed beside Debian’s own', async () => {
    const settingsOf = await open([
      `in-toto-sign-key-fpr = ${keys.good}`,
      `in-toto-sign-key-unreproducible-fpr = ${keys.other}`,
      'archive-keyring = bookworm=/etc/keys/mine.gpg',
      'root-layout = /etc/root.layout',
    ]);
    const settings = settingsOf('bookworm.amd64');
    expect(settings).toMatchObject({
      folder: 'debian',
      reproducible: { fingerprint: keys.good, key: { keyid: keys.good.toLowerCase() } },
      unreproducible: { fingerprint: keys.other },
      rootLayout: '/etc/root.layout',
    });
    const own = { file: expect.stringContaining('/usr/share/keyrings/debian-archive-keyring.') };
    for (const suite of ['bookworm', 'bookworm-security']) {
      expect(settings.keyringsOf(suite)).toEqual([own, { file: '/etc/keys/mine.gpg' }]);
    }
    for (const suite of ['trixie', 'bookworm-backports', 'bookwormy']) {
      expect(settings.keyringsOf(suite)).toEqual([own]);
    }
    expect(settingsOf('qubes-4.3-vm-trixie.amd64')).toMatchObject({
      folder: 'qubesos/deb/r4.3/vm',
      distribution: 'qubes-4.3-vm-trixie',
      reproducible: undefined,
    });
  });

  it('take previous keys, the last one first, also when they have expired', async () => {
    const { reproducible, unreproducible } = (
      await open([
        `in-toto-sign-key-fpr = ${keys.good}`,
        `in-toto-sign-key-previous-fpr = ${keys.other}\n  0x${keys.expired.toLowerCase()}`,
      ])
    )('bookworm.amd64');
    expect(unreproducible).toBeUndefined();
    expect(reproducible?.previous.map(({ fingerprint }) => fingerprint)).toEqual([keys.other, keys.expired]);
    expect(reproducible?.previous[1]?.until).toBeLessThan(systemClock.now() + 5_000);
    if (reproducible === undefined) return;
    expect(believedParts(reproducible).map(({ keyid }) => keyid.toUpperCase())).toEqual([
      keys.good,
      keys.other,
      keys.expired,
    ]);
  });

  it.each([
    [
      'a key that is not there',
      () => [`in-toto-sign-key-fpr = ${'AB'.repeat(20)}`],
      /rebuilder-keys export AB/,
    ],
    ['an expired key', () => [`in-toto-sign-key-fpr = ${keys.expired}`], /has expired/],
    [
      'a revoked key',
      () => [`in-toto-sign-key-fpr = ${keys.revoked}`],
      /is revoked.*rebuilderctl resign --signed-by/,
    ],
    [
      'a previous key that is not there',
      () => [`in-toto-sign-key-fpr = ${keys.good}`, `in-toto-sign-key-previous-fpr = ${'AB'.repeat(20)}`],
      /^in-toto-sign-key-previous-fpr = AB.*is not in/,
    ],
    [
      'a previous key that is revoked',
      () => [`in-toto-sign-key-fpr = ${keys.good}`, `in-toto-sign-key-previous-fpr = ${keys.revoked}`],
      /^in-toto-sign-key-previous-fpr = .*is revoked: take it out/,
    ],
    [
      'a key of today among the previous ones',
      () => [`in-toto-sign-key-fpr = ${keys.good}`, `in-toto-sign-key-previous-fpr = ${keys.good}`],
      /needs keys of its own/,
    ],
    [
      'a previous key of the other kind',
      () => [
        `in-toto-sign-key-fpr = ${keys.good}`,
        `in-toto-sign-key-previous-fpr = ${keys.expired}`,
        `in-toto-sign-key-unreproducible-fpr = ${keys.other}`,
        `in-toto-sign-key-unreproducible-previous-fpr = ${keys.expired}`,
      ],
      /^in-toto-sign-key-unreproducible-previous-fpr = .*in-toto-sign-key-previous-fpr names the same key/,
    ],
    [
      'a previous key that is short',
      () => [`in-toto-sign-key-fpr = ${keys.good}`, `in-toto-sign-key-previous-fpr = ${keys.weak}`],
      /less than 2048 bits; take it out, then `rebuilderctl resign/,
    ],
    [
      'one key for both',
      () => [`in-toto-sign-key-fpr = ${keys.good}`, `in-toto-sign-key-unreproducible-fpr = ${keys.good}`],
      /needs keys of its own/,
    ],
    [
      'a key without a signing subkey where split-gpg2 signs',
      () => [`in-toto-sign-key-fpr = ${keys.good}`, 'openpgp = qubes.Gpg2'],
      /signs with a subkey alone/,
    ],
  ])('refuse %s in one line', async (_what, lines, say) => {
    const error = await open(lines()).catch((one: unknown) => one);
    expect(error).toMatchObject({ name: 'KeyError', message: expect.stringMatching(say) });
    expect((error as Error).message).not.toContain('\n');
  });

  it('refuse a key that signs what came out identical for one project, and what differed for another', async () => {
    const both = (one: string, other: string) => [
      `in-toto-sign-key-fpr = ${one}`,
      `in-toto-sign-key-unreproducible-fpr = ${other}`,
    ];
    const debian = both(keys.good, keys.other);
    await expect(open([...debian, '[qubesos]', ...both(keys.other, keys.good)])).rejects.toThrow(
      /^\[qubesos\] in-toto-sign-key-unreproducible-fpr = .*: \[debian\] in-toto-sign-key-fpr names the same key/,
    );
    await expect(open([...debian, '[qubesos]', ...debian])).resolves.toBeDefined();
  });

  it('refuse a file in the folder that is no key, by its name', async () => {
    const folder = mkdtempSync(join(dir, 'keys-'));
    writeFileSync(join(folder, 'mine.asc'), 'not a key');
    await expect(readPublicKeys(folder)).rejects.toMatchObject({
      code: 'unusable',
      message: expect.stringContaining('mine.asc: '),
    });
  });

  it('end the daemon before it takes work, with the reason on one line', () => {
    const env = {
      PATH: process.env.PATH,
      STATE_DIRECTORY: dir,
      CACHE_DIRECTORY: join(dir, 'cache'),
      PACKAGE_REBUILDER_CONF: configFile([`in-toto-sign-key-fpr = ${'AB'.repeat(20)}`]),
    };
    let said = '';
    try {
      execFileSync(process.execPath, [program.path], { env, stdio: 'pipe', timeout: 15_000 });
    } catch (error) {
      expect((error as { status: number }).status).toBe(1);
      said = String((error as { stderr: Buffer }).stderr);
    }
    expect(said.trim().split('\n')).toHaveLength(1);
    expect(said).toContain(`in-toto-sign-key-fpr = ${'AB'.repeat(20)}: its public key is not in ${dir}/keys`);
  });
});
