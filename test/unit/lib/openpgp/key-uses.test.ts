import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OpenPgpError } from '../../../../daemons/lib/openpgp/error.ts';
import { readKeyUses } from '../../../../daemons/lib/openpgp/key-uses.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';

describe('readKeyUses', () => {
  let gnupg: GnuPg;
  beforeAll(() => {
    gnupg = openGnuPg();
  });
  afterAll(() => gnupg.remove());

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
    const folder = join(gnupg.home, 'openpgp-revocs.d');
    const certificate = readdirSync(folder).find((name) => name.startsWith(revoked)) ?? '';
    gnupg.gpg(
      ['--import'],
      readFileSync(join(folder, certificate), 'utf8').replace(':-----BEGIN', '-----BEGIN'),
    );

    const shapes = [plain, certifies, short, extended, withoutSubkey, revoked];
    for (const key of shapes) expect(readKeyUses(gnupg.exportKey(key))).toEqual(byGpg(key));
    const told = shapes.flatMap((key) => [...byGpg(key).values()]);
    expect(new Set(told)).toEqual(new Set(['signs', 'cannot-sign', 'revoked']));
    expect(byGpg(withoutSubkey).size).toBe(2);
    expect([...byGpg(withoutSubkey).values()]).toContain('revoked');
    expect(byGpg(revoked).get(revoked.toLowerCase())).toBe('revoked');
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
          readKeyUses(bytes.subarray(0, cut));
        } catch (error) {
          expect(error).toBeInstanceOf(OpenPgpError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
