import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OpenPgpError } from '../../../../daemons/lib/openpgp/error.ts';
import {
  readKeyParts,
  signingPartOf,
  signingParts,
  signsUntil,
} from '../../../../daemons/lib/openpgp/key-uses.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import { describeSignature } from '../../../../daemons/lib/openpgp/signature.ts';
import { expiryOf } from '../../../../daemons/lib/openpgp/verify.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';

let gnupg: GnuPg;
beforeAll(() => {
  gnupg = openGnuPg();
});
afterAll(() => gnupg.remove());

describe('readKeyParts', () => {
  const usesOf = (exported: Buffer) => new Map(readKeyParts(exported).map(({ keyid, use }) => [keyid, use]));

  /** gpg's own account: field 2 is the validity, field 12 the key's own capabilities in small letters. */
  function byGpg(fingerprint: string): ReadonlyMap<string, string> {
    const uses = new Map<string, string>();
    const lines = gnupg.gpg(['--with-colons', '--list-keys', fingerprint]).toString().split('\n');
    lines.forEach((line, at) => {
      const [kind, validity, ...fields] = line.split(':');
      if (kind !== 'pub' && kind !== 'sub') return;
      const own = lines[at + 1]?.split(':')[9]?.toLowerCase() ?? '';
      uses.set(own, validity === 'r' ? 'revoked' : fields[9]?.includes('s') ? 'signs' : 'cannot-sign');
    });
    return uses;
  }

  it('tells what gpg tells of every shape of key', () => {
    const plain = gnupg.makeKey('Plain');
    const certifies = gnupg.makeKey('Certifies', 'rsa2048', 'cert');
    gnupg.addSubkey(certifies, 'rsa2048', 'sign');
    gnupg.addSubkey(certifies, 'rsa2048', 'encr');
    const short = gnupg.makeKey('Short', 'ed25519', 'cert');
    gnupg.addSubkey(short, 'ed25519', 'sign');
    const extended = gnupg.makeKey('Extended', 'rsa2048', 'cert', '1y');
    gnupg.addSubkey(extended, 'rsa2048', 'sign', '1y');
    gnupg.gpg(['--quick-set-expire', extended, '5y']);
    const withoutSubkey = gnupg.makeKey('One subkey revoked', 'rsa2048', 'cert');
    gnupg.addSubkey(withoutSubkey, 'rsa2048', 'sign');
    gnupg.gpg(['--command-fd', '0', '--edit-key', withoutSubkey], 'key 1\nrevkey\ny\n0\n\ny\nsave\n');
    const revoked = gnupg.makeKey('Revoked');
    gnupg.revoke(revoked);

    const shapes = [plain, certifies, short, extended, withoutSubkey, revoked];
    for (const key of shapes) expect(usesOf(gnupg.exportKey(key))).toEqual(byGpg(key));
    const told = shapes.flatMap((key) => [...byGpg(key).values()]);
    expect(new Set(told)).toEqual(new Set(['signs', 'cannot-sign', 'revoked']));
    expect(byGpg(withoutSubkey).size).toBe(2);
    expect([...byGpg(withoutSubkey).values()]).toContain('revoked');
    expect(byGpg(revoked).get(revoked.toLowerCase())).toBe('revoked');
  });

  it('say until when each can sign: none beyond the primary key, whose end in-toto may not know', () => {
    const make = (algorithm: string, primary: string, subkey?: string) => {
      const fingerprint = gnupg.makeKey(
        `Until ${algorithm} ${primary} ${subkey}`,
        algorithm,
        'sign',
        primary,
      );
      if (subkey !== undefined) gnupg.addSubkey(fingerprint, 'rsa2048', 'sign', subkey);
      const exported = gnupg.exportKey(fingerprint);
      const [key, parts] = [readPublicKey(exported), readKeyParts(exported)];
      return { key, parts, ends: signingParts(key, parts).map((part) => signsUntil(key, parts, part)) };
    };
    const last = make('rsa2048', '60d', '30d');
    const [primary, subkey] = [last.key, ...Object.values(last.key.subkeys ?? {})];
    expect(last.ends).toEqual([expiryOf(primary), subkey && expiryOf(subkey)]);
    const bounded = make('rsa2048', '60d', 'never');
    expect(bounded.ends).toEqual([expiryOf(bounded.key), expiryOf(bounded.key)]);
    expect(make('rsa2048', 'never').ends).toEqual([Number.POSITIVE_INFINITY]);
    const short = make('ed25519', '60d');
    expect(expiryOf(short.key)).toBeUndefined();
    expect(short.ends).toEqual([short.parts[0]?.expires]);
    expect(short.ends[0]).toBe(((short.key.creation_time ?? 0) + 60 * 86_400) * 1_000);
  });

  it('answers any bytes with uses or an OpenPgpError', () => {
    const key = gnupg.makeKey('Mutated', 'rsa2048', 'cert');
    gnupg.addSubkey(key, 'rsa2048', 'sign');
    const whole = gnupg.exportKey(key);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, to, cut) => {
        const bytes = Buffer.from(whole);
        bytes.writeUInt8(to, at);
        try {
          readKeyParts(bytes.subarray(0, cut));
        } catch (error) {
          expect(error).toBeInstanceOf(OpenPgpError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('signingPartOf', () => {
  const at = (day: number) => ['--faked-system-time', `202101${String(day).padStart(2, '0')}T000000!`];
  const noon = Date.UTC(2021, 0, 20, 12);

  /** Adds a subkey that was made on that day of January 2021. */
  function addOn(day: number, key: string, algorithm: string, expires = 'never'): void {
    gnupg.gpg([...at(day), '--passphrase', '', '--quick-add-key', key, algorithm, 'sign', expires]);
  }

  function makeOn(day: number, userId: string, usage: string): string {
    const args = [
      '--passphrase',
      '',
      '--status-fd',
      '1',
      '--quick-generate-key',
      userId,
      'ed25519',
      usage,
      'never',
    ];
    return /KEY_CREATED P ([0-9A-F]{40})/.exec(gnupg.gpg([...at(day), ...args]).toString())?.[1] ?? '';
  }

  /** By whose part gpg itself signs on the 20th. */
  function byGpg(key: string): string | undefined {
    const args = ['--digest-algo', 'SHA256', '--passphrase', '', '--local-user', key, '--detach-sign'];
    let signature: Buffer;
    try {
      signature = gnupg.gpg([...at(20), ...args], 'content');
    } catch {
      return undefined;
    }
    return describeSignature(signature).keyid;
  }

  it('is the part by which gpg signs', () => {
    const alone = makeOn(1, 'Alone', 'sign');
    const certifies = makeOn(1, 'Certifies alone', 'cert');
    const newest = makeOn(1, 'Newest of three', 'sign');
    addOn(2, newest, 'rsa2048');
    addOn(4, newest, 'ed25519');
    addOn(3, newest, 'ed25519');
    const over = makeOn(1, 'The newest has expired', 'cert');
    addOn(2, over, 'ed25519');
    addOn(3, over, 'ed25519', '5d');
    const revoked = makeOn(1, 'The newest is revoked', 'cert');
    addOn(2, revoked, 'ed25519');
    addOn(3, revoked, 'ed25519');
    gnupg.gpg([...at(4), '--command-fd', '0', '--edit-key', revoked], 'key 2\nrevkey\ny\n0\n\ny\nsave\n');
    const extended = makeOn(1, 'Extended in time', 'cert');
    addOn(2, extended, 'ed25519', '5d');
    gnupg.gpg([...at(4), '--quick-set-expire', extended, '1y', '*']);
    const ended = makeOn(1, 'The primary key has expired', 'cert');
    addOn(2, ended, 'ed25519');
    gnupg.gpg([...at(3), '--quick-set-expire', ended, '5d']);
    const keys = [alone, certifies, newest, over, revoked, extended, ended];
    const told = keys.map((key) => signingPartOf(readKeyParts(gnupg.exportKey(key)), noon));
    expect(told).toEqual(keys.map(byGpg));
    expect(told[0]).toBe(alone.toLowerCase());
    expect([told[1], told[6]]).toEqual([undefined, undefined]);
    expect(new Set(told).size).toBe(keys.length - 1);
  });
});
