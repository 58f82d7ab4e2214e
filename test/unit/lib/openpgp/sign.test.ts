import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { buildLayout, type LayoutKey } from '../../../../daemons/lib/domain/layout.ts';
import { type Link, linkOf } from '../../../../daemons/lib/domain/link.ts';
import {
  formatMetablock,
  type GpgSignature,
  type JsonObject,
  type Metablock,
  signedBytes,
} from '../../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../../daemons/lib/domain/names.ts';
import { OpenPgpError } from '../../../../daemons/lib/openpgp/error.ts';
import { exportPublicKey, gpgSigner } from '../../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import { layoutTime, signDocument, signLayout } from '../../../../daemons/lib/openpgp/sign.ts';
import { describeSignature } from '../../../../daemons/lib/openpgp/signature.ts';
import { checkSignature } from '../../../../daemons/lib/openpgp/verify.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';
import { askPython } from '../../../support/python.ts';

const example = linkOf({
  'a_1.0-1_amd64.deb': { sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' },
  'ünï😀_1%3a1.0-1_amd64.deb': { sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' },
});
const now = systemClock.now();

/** Whether in-toto accepts each document's signature by the key beside it. */
const judge = `
import json, sys, tempfile
from in_toto.models.metadata import Metablock
def verdict(case):
  with tempfile.NamedTemporaryFile("w") as file:
    file.write(case["file"]); file.flush()
    try:
      Metablock.load(file.name).verify_signature(case["key"])
      return "good"
    except Exception as error:
      return type(error).__name__
print(json.dumps([verdict(case) for case in json.load(sys.stdin)]))
`;

describe('signatures', () => {
  let gnupg: GnuPg;
  const keys = new Map<string, LayoutKey>();

  beforeAll(() => {
    gnupg = openGnuPg();
    const subkeys = gnupg.makeKey('With a signing subkey', 'rsa2048', 'cert');
    gnupg.addSubkey(subkeys, 'rsa3072', 'sign');
    for (const [name, fingerprint] of [
      ['rsa2048', gnupg.makeKey('RSA', 'rsa2048')],
      ['rsa3072', gnupg.makeKey('RSA 3072', 'rsa3072', 'sign', '2y')],
      ['rsa4096', gnupg.makeKey('RSA 4096', 'rsa4096')],
      ['ed25519', gnupg.makeKey('Ed25519', 'ed25519')],
      ['subkey', subkeys],
    ] as const) {
      keys.set(name, readPublicKey(gnupg.exportKey(fingerprint)));
    }
  });
  afterAll(() => gnupg.remove());

  function optionsOf(key: LayoutKey) {
    const signer = gpgSigner(parseFingerprint(key.keyid), { home: gnupg.home });
    return { signer, key, now };
  }

  it('by every kind of key are accepted by in-toto, and name the key that made them', async () => {
    const cases = [];
    for (const [name, key] of keys) {
      const document = await signDocument(example, optionsOf(key));
      cases.push({ file: formatMetablock(document as unknown as Metablock<JsonObject>), key });
      const signer = name === 'subkey' ? Object.keys(key.subkeys ?? {})[0] : key.keyid;
      expect(document.signatures[0].keyid).toBe(signer);
    }
    expect(askPython(judge, cases)).toEqual(cases.map(() => 'good'));
  });

  it('are refused with any one digit changed, by in-toto and by us alike', async () => {
    const cases: { file: string; key: LayoutKey }[] = [];
    for (const name of ['rsa2048', 'ed25519', 'subkey']) {
      const key = keys.get(name) as LayoutKey;
      const document = await signDocument(example, optionsOf(key));
      const [signature] = document.signatures;
      const spoilt: Metablock<Link>[] = [
        ...fc.sample(fc.nat(signature.signature.length - 1), 20).map((at) => ({
          ...document,
          signatures: [{ ...signature, signature: otherDigit(signature.signature, at) }],
        })),
        ...fc.sample(fc.nat(signature.other_headers.length - 1), 20).map((at) => ({
          ...document,
          signatures: [{ ...signature, other_headers: otherDigit(signature.other_headers, at) }],
        })),
        ...fc
          .sample(fc.nat(63), 20)
          .map((at) => ({ ...document, signed: withOtherHash(document.signed, at) })),
        { ...document, signed: { ...document.signed, name: 'rebuilt' } },
        { ...document, signed: { ...document.signed, materials: { x: { sha256: '00' } } } },
      ];
      for (const one of spoilt) {
        cases.push({ file: formatMetablock(one as unknown as Metablock<JsonObject>), key });
        const content = signedBytes(one.signed as unknown as JsonObject);
        expect(checkSignature(one.signatures[0] as GpgSignature, key, content, now)).toBe('bad');
      }
    }
    const verdicts = askPython(judge, cases) as string[];
    expect(verdicts).toHaveLength(cases.length);
    expect(new Set(verdicts)).toEqual(new Set(['SignatureVerificationError']));
  });

  it('are the same objects that securesystemslib reads out of the same packets', () => {
    const packets = [...keys.values()].flatMap((key) =>
      ['', 'one', 'two'].map((content) =>
        gnupg.gpg(['--detach-sign', '--digest-algo', 'SHA256', '-u', key.keyid], content).toString('hex'),
      ),
    );
    const parsed = askPython(
      `
import json, sys
from securesystemslib.gpg.common import parse_signature_packet
out = []
for packet in json.load(sys.stdin):
  one = parse_signature_packet(bytes.fromhex(packet))
  one.pop("short_keyid", None)
  out.append(one)
print(json.dumps(out))`,
      packets,
    );
    expect(packets.map((packet) => describeSignature(Buffer.from(packet, 'hex')))).toEqual(parsed);
  });

  it('of another kind are refused by name', () => {
    const [key] = keys.values();
    const user = ['-u', key?.keyid ?? ''];
    const refuse = (args: readonly string[]) =>
      expect(() => describeSignature(gnupg.gpg([...args, ...user], 'text'))).toThrow(
        expect.objectContaining({ code: 'unsupported' }),
      );
    refuse(['--detach-sign', '--digest-algo', 'SHA512']);
    refuse(['--detach-sign', '--textmode', '--digest-algo', 'SHA256']);
    expect(() =>
      describeSignature(gnupg.gpg(['--sign', '--compress-algo', 'none', ...user], 'text')),
    ).toThrow(OpenPgpError);
    expect(() => describeSignature(Buffer.alloc(0))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('answer any bytes with an object or an OpenPgpError', () => {
    const [key] = keys.values();
    const good = gnupg.gpg(['--detach-sign', '--digest-algo', 'SHA256', '-u', key?.keyid ?? ''], 'text');
    const mutated = fc.record({ at: fc.nat(good.length - 1), to: fc.nat(255) }).map(({ at, to }) => {
      const copy = Buffer.from(good);
      copy.writeUInt8(to, at);
      return copy;
    });
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          fc.uint8Array({ maxLength: 200 }).map((one) => Buffer.from(one)),
        ),
        (one) => {
          try {
            expect(describeSignature(one).keyid).toMatch(/^[0-9a-f]{40}$/);
          } catch (error) {
            expect(error).toBeInstanceOf(OpenPgpError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('of an Ed25519 key verify over the digest as message', () => {
    const created = 1_795_546_715;
    const key: LayoutKey = {
      type: 'eddsa',
      method: 'pgp+eddsa-ed25519',
      hashes: ['pgp+SHA2'],
      keyid: '56f3a6bd7937a164bfdcd2c1d8e7b96678b48762',
      keyval: {
        private: '',
        public: { q: '983646ef890e38863236d9c60cf94430d5a2a43f4fbdd1736786bc120736ac43' },
      },
      creation_time: created,
    };
    const signature = {
      keyid: key.keyid,
      other_headers: '04001608001d16210456f3a6bd7937a164bfdcd2c1d8e7b96678b4876205026b05de5f',
      signature:
        '6ed4c7c26494caa0a0885afa08c90dbafcc11c91e837dbeda6659b0bf99276283cbfa9cc7e14147a14b185e8122966184b6732c2c448fe6092f7d376836ab301',
    };
    const content = signedBytes(
      linkOf({
        'a_1.0-1_amd64.deb': { sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' },
      }) as unknown as JsonObject,
    );
    expect(checkSignature(signature, key, content, now)).toBe('good');
    expect(checkSignature({ ...signature, keyid: '00'.repeat(20) }, key, content, now)).toBe('other-key');
    const expired = { ...key, validity_period: 1 };
    expect(checkSignature(signature, expired, content, (created + 2) * 1_000)).toBe('expired');
  });
});

describe('signDocument', () => {
  let gnupg: GnuPg;
  let mine: LayoutKey;
  let other: LayoutKey;
  beforeAll(() => {
    gnupg = openGnuPg();
    mine = readPublicKey(gnupg.exportKey(gnupg.makeKey('Mine')));
    other = readPublicKey(gnupg.exportKey(gnupg.makeKey('Other')));
  });
  afterAll(() => gnupg.remove());

  it('lets no signature out that is not by the key asked for', async () => {
    const signer = gpgSigner(parseFingerprint(other.keyid), { home: gnupg.home });
    await expect(signDocument(example, { signer, key: mine, now })).rejects.toMatchObject({
      code: 'bad-signature',
    });
  });

  it('lets no signature out that covers something else', async () => {
    const real = gpgSigner(parseFingerprint(mine.keyid), { home: gnupg.home });
    const signer = { ...real, sign: () => real.sign(Buffer.from('something else')) };
    await expect(signDocument(example, { signer, key: mine, now })).rejects.toMatchObject({
      code: 'bad-signature',
    });
  });

  it('says what gpg said when it cannot sign', async () => {
    const signer = gpgSigner(parseFingerprint('00'.repeat(20)), { home: gnupg.home });
    await expect(signDocument(example, { signer, key: mine, now })).rejects.toMatchObject({
      code: 'gpg',
      message: expect.stringContaining('signing failed'),
    });
    await expect(
      exportPublicKey(parseFingerprint('00'.repeat(20)), { home: gnupg.home }),
    ).rejects.toMatchObject({
      code: 'no-key',
    });
  });

  it('honours a program named in place of gpg, with its arguments', async () => {
    const fingerprint = parseFingerprint(mine.keyid);
    const command = `gpg --homedir ${gnupg.home}  --quiet`;
    const document = await signDocument(example, {
      signer: gpgSigner(fingerprint, { command }),
      key: mine,
      now,
    });
    expect(document.signatures[0].keyid).toBe(mine.keyid);
    expect(readPublicKey(await exportPublicKey(fingerprint, { command }))).toEqual(mine);
  });

  it('signs a layout that in-toto accepts', async () => {
    const layout = buildLayout({
      rebuilders: [mine],
      threshold: 1,
      expires: layoutTime(now + 86_400_000),
      readme: 'Überprüft “alles”\n',
    });
    const signer = gpgSigner(parseFingerprint(other.keyid), { home: gnupg.home });
    const document = await signLayout(layout, { signer, key: other, now });
    const file = formatMetablock(document as unknown as Metablock<JsonObject>);
    expect(askPython(judge, [{ file, key: other }])).toEqual(['good']);
  });
});

function otherDigit(hex: string, at: number): string {
  const digit = (Number.parseInt(hex.charAt(at), 16) ^ 1).toString(16);
  return hex.slice(0, at) + digit + hex.slice(at + 1);
}

function withOtherHash(link: Link, at: number): Link {
  const [[name, { sha256 = '' }] = ['', {}], ...rest] = Object.entries(link.products);
  return {
    ...link,
    products: Object.fromEntries([[name, { sha256: otherDigit(sha256, at) }], ...rest]),
  };
}
