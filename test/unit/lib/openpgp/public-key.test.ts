import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson, type Json } from '../../../../daemons/lib/domain/canonical-json.ts';
import { armorPublicKey, dearmor } from '../../../../daemons/lib/openpgp/armor.ts';
import { OpenPgpError } from '../../../../daemons/lib/openpgp/error.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';
import { askPython } from '../../../support/python.ts';

const judge = `
import json, sys
from securesystemslib.gpg.functions import export_pubkeys
from securesystemslib.formats import encode_canonical
asked = json.load(sys.stdin)
print(json.dumps([encode_canonical(export_pubkeys([one], homedir=asked["home"])) for one in asked["keys"]]))
`;

describe('readPublicKey', () => {
  let gnupg: GnuPg;
  const keys = new Map<string, string>();

  beforeAll(() => {
    gnupg = openGnuPg();
    keys.set('plain', gnupg.makeKey('Plain <plain@example.org>'));
    keys.set('expiring', gnupg.makeKey('Expiring', 'rsa3072', 'sign', '2y'));
    keys.set('large', gnupg.makeKey('Large', 'rsa4096'));
    keys.set('unicode', gnupg.makeKey('Zoë Ångström 😀 <z@example.org>', 'rsa2048', 'sign', '1y'));
    keys.set('ed25519', gnupg.makeKey('Short', 'ed25519', 'sign', '3y'));

    const subkeys = gnupg.makeKey('With subkeys', 'rsa2048', 'cert,sign', '3y');
    gnupg.addSubkey(subkeys, 'rsa2048', 'sign', '1y');
    gnupg.addSubkey(subkeys, 'rsa3072', 'sign');
    gnupg.addSubkey(subkeys, 'rsa2048', 'encr');
    keys.set('subkeys', subkeys);

    const mixed = gnupg.makeKey('Mixed', 'rsa2048', 'sign');
    gnupg.addSubkey(mixed, 'ed25519', 'sign');
    gnupg.addSubkey(mixed, 'cv25519', 'encr');
    keys.set('mixed', mixed);

    const names = gnupg.makeKey('First name', 'rsa2048', 'sign', '1y');
    gnupg.gpg(['--quick-add-uid', names, 'Second name']);
    gnupg.gpg(['--quick-set-primary-uid', names, 'Second name']);
    keys.set('names', names);

    const extended = gnupg.makeKey('Extended', 'rsa2048', 'sign', '1y');
    gnupg.addSubkey(extended, 'rsa2048', 'sign', '1y');
    gnupg.gpg(['--quick-set-expire', extended, '5y']);
    keys.set('extended', extended);
  });
  afterAll(() => gnupg.remove());

  it('gives what export_pubkeys of securesystemslib gives, byte for byte, for every shape of key', () => {
    const asked = [...keys.values()];
    const expected = askPython(judge, { home: gnupg.home, keys: asked }) as string[];
    expect(expected).toHaveLength(keys.size);
    [...keys].forEach(([name, fingerprint], index) => {
      const key = readPublicKey(gnupg.exportKey(fingerprint));
      expect(canonicalJson({ [key.keyid]: key } as unknown as Json), name).toBe(expected[index]);
      expect(key.keyid).toBe(fingerprint.toLowerCase());
    });
  });

  it('keeps the signing subkeys and the validity of a key', () => {
    const key = readPublicKey(gnupg.exportKey(keys.get('subkeys') ?? ''));
    expect(key.validity_period).toBeGreaterThan(2 * 365 * 86_400);
    expect(Object.values(key.subkeys ?? {}).map((one) => one.validity_period !== undefined)).toContain(true);
    expect(Object.keys(key.subkeys ?? {})).toHaveLength(3);
  });

  it('reads the armour that gpg writes and writes armour that gpg reads', () => {
    const fingerprint = keys.get('subkeys') ?? '';
    const packets = gnupg.exportKey(fingerprint);
    expect(dearmor(gnupg.gpg(['--armor', '--export', fingerprint])).equals(packets)).toBe(true);
    expect(dearmor(packets)).toBe(packets);
    const shown = gnupg.gpg(['--show-keys', '--with-colons'], armorPublicKey(packets)).toString();
    expect(shown).toContain(fingerprint);
  });

  it('refuses armour whose checksum does not match', () => {
    const armoured = armorPublicKey(gnupg.exportKey(keys.get('plain') ?? ''));
    const broken = armoured.replace(/^=..../m, '=AAAA');
    expect(() => dearmor(Buffer.from(broken))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('refuses two keys in one file', () => {
    const two = Buffer.concat([...keys.values()].slice(0, 2).map((one) => gnupg.exportKey(one)));
    expect(() => readPublicKey(two)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('answers any bytes with a key or an OpenPgpError', () => {
    const good = gnupg.exportKey(keys.get('subkeys') ?? '');
    const mutated = fc
      .record({ at: fc.nat(good.length - 1), to: fc.nat(255), cut: fc.nat(good.length) })
      .map(({ at, to, cut }) => {
        const copy = Buffer.from(good.subarray(0, cut));
        if (at < copy.length) copy.writeUInt8(to, at);
        return copy;
      });
    const bytes = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one)),
    );
    fc.assert(
      fc.property(bytes, (one) => {
        try {
          expect(readPublicKey(one).keyid).toMatch(/^[0-9a-f]{40}$/);
        } catch (error) {
          expect(error).toBeInstanceOf(OpenPgpError);
        }
        try {
          dearmor(one);
        } catch (error) {
          expect(error).toBeInstanceOf(OpenPgpError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
