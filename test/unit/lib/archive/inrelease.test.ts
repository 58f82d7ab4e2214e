import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyDetached, verifyInRelease } from '../../../../daemons/lib/archive/inrelease.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';

const release = `Origin: Test\nCodename: suite\nDescription: a text\nSHA256:\n ${'a'.repeat(64)} 3 main/source/Sources\n`;
let keys: GnuPg;
let folder: string;
let rsa: string;
let edwards: string;
let stranger: string;
let old: string;
let lasting: string;
let keyring: { file: string };

function clearsign(users: readonly string[], text = release, more: readonly string[] = []): Buffer {
  const args = users.flatMap((user) => ['--local-user', `${user}!`]);
  return keys.gpg([...more, '--passphrase', '', ...args, '--clearsign'], text);
}

beforeAll(() => {
  keys = openGnuPg();
  folder = mkdtempSync(join(tmpdir(), 'inrelease-'));
  rsa = keys.makeKey('Rsa <rsa@example.org>', 'rsa2048');
  edwards = keys.makeKey('Edwards <edwards@example.org>', 'ed25519');
  stranger = keys.makeKey('Stranger <stranger@example.org>', 'ed25519');
  const then = ['--faked-system-time', '20200101T000000', '--passphrase', ''];
  const make = (user: string, expires: string) => {
    const args = ['--status-fd', '1', '--quick-generate-key', user, 'ed25519', 'sign', expires];
    return /KEY_CREATED [PB] ([0-9A-F]{40})/.exec(keys.gpg([...then, ...args]).toString())?.[1] ?? '';
  };
  old = make('Old <old@example.org>', '7d');
  lasting = make('Lasting <lasting@example.org>', 'never');
  keyring = { file: join(folder, 'keyring.gpg') };
  writeFileSync(keyring.file, Buffer.concat([rsa, edwards, old, lasting].map((key) => keys.exportKey(key))));
});

afterAll(() => {
  keys.remove();
  rmSync(folder, { recursive: true, force: true });
});

describe('verifyInRelease', () => {
  it('reads what a trusted key signed', async () => {
    for (const key of [rsa, edwards]) {
      const signed = await verifyInRelease(clearsign([key]), [keyring]);
      expect(signed.signedBy).toEqual([key]);
      expect(signed.release).toMatchObject({ origin: 'Test', codename: 'suite' });
      expect(signed.text.toString()).toBe(release);
    }
  });

  it('takes one good signature among those of unknown and expired keys', async () => {
    const signed = await verifyInRelease(clearsign([stranger, rsa]), [keyring]);
    expect(signed.signedBy).toEqual([rsa]);
    const both = await verifyInRelease(clearsign([edwards, rsa]), [keyring]);
    expect(new Set(both.signedBy)).toEqual(new Set([rsa, edwards]));
  });

  it('takes armored keyrings, as files and as text', async () => {
    const armored = keys.gpg(['--armor', '--export', edwards]).toString();
    const file = join(folder, 'key.asc');
    writeFileSync(file, `Comment lines may stand here.\n${armored}`);
    for (const ring of [{ file }, { armored }]) {
      expect((await verifyInRelease(clearsign([edwards]), [ring])).signedBy).toEqual([edwards]);
      await expect(verifyInRelease(clearsign([rsa]), [ring])).rejects.toMatchObject({ code: 'no-key' });
    }
  });

  it('accepts only the keys it was told to', async () => {
    const options = { fingerprints: [edwards] };
    expect((await verifyInRelease(clearsign([edwards]), [keyring], options)).signedBy).toEqual([edwards]);
    await expect(verifyInRelease(clearsign([rsa]), [keyring], options)).rejects.toMatchObject({
      code: 'no-key',
    });
  });

  it.each([
    ['an unknown key', () => clearsign([stranger]), 'no-key'],
    ['no signature', () => Buffer.from(release), 'unsigned'],
    ['an empty file', () => Buffer.alloc(0), 'unsigned'],
    [
      'a changed text',
      () => Buffer.from(clearsign([rsa]).toString().replace('Test', 'Tesu')),
      'bad-signature',
    ],
    [
      'an expired key',
      () => clearsign([old], release, ['--faked-system-time', '20200102T000000']),
      'expired',
    ],
    [
      'a weak hash',
      () => clearsign([rsa], release, ['--allow-weak-digest-algos', '--digest-algo', 'SHA1']),
      'no-key',
    ],
    [
      'text before the message',
      () => Buffer.concat([Buffer.from('Origin: Evil\n'), clearsign([rsa])]),
      'unsigned',
    ],
    [
      'text behind the message',
      () => Buffer.concat([clearsign([rsa]), Buffer.from('Origin: Evil\n')]),
      'malformed',
    ],
    ['two messages', () => Buffer.concat([clearsign([rsa]), clearsign([rsa])]), 'malformed'],
    ['half a message', () => clearsign([rsa]).subarray(0, 300), 'malformed'],
  ])('refuses %s', async (_what, make, code) => {
    await expect(verifyInRelease(make(), [keyring])).rejects.toMatchObject({ name: 'ArchiveError', code });
  });

  it('refuses a signature past its own end', async () => {
    const past = ['--faked-system-time', '20200301T000000'];
    expect((await verifyInRelease(clearsign([lasting], release, past), [keyring])).signedBy).toEqual([
      lasting,
    ]);
    const signed = clearsign([lasting], release, [...past, '--default-sig-expire', '1d']);
    await expect(verifyInRelease(signed, [keyring])).rejects.toMatchObject({ code: 'expired' });
  });

  it('refuses when there is no keyring', async () => {
    await expect(verifyInRelease(clearsign([rsa]), [])).rejects.toMatchObject({ code: 'no-key' });
    await expect(verifyInRelease(clearsign([rsa]), [{ file: join(folder, 'none') }])).rejects.toMatchObject({
      code: 'no-key',
    });
  });
});

describe('verifyDetached', () => {
  it('judges a Release by its signature file', async () => {
    const signature = keys.gpg(['--passphrase', '', '--local-user', rsa, '--detach-sign'], release);
    const signed = await verifyDetached(Buffer.from(release), signature, [keyring]);
    expect(signed.signedBy).toEqual([rsa]);
    const changed = Buffer.from(release.replace('Test', 'Tesu'));
    await expect(verifyDetached(changed, signature, [keyring])).rejects.toMatchObject({
      code: 'bad-signature',
    });
  });
});

const host = '/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_InRelease';
const hostKeys = '/usr/share/keyrings/debian-archive-keyring.gpg';
describe('a real InRelease', () => {
  it.each(existing(host, hostKeys))('is accepted: %s', async (path) => {
    const signed = await verifyInRelease(readFileSync(path), [{ file: hostKeys }]);
    expect(signed.signedBy.length).toBeGreaterThan(0);
    expect(signed.release.codename).toBe('bookworm');
  });
});

function existing(...paths: readonly string[]): readonly string[] {
  try {
    for (const path of paths) readFileSync(path);
    return paths.slice(0, 1);
  } catch {
    return [];
  }
}
