import { constants, createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { LayoutKey } from '../../../daemons/lib/domain/layout.ts';
import { type JsonObject, type Signature, signedBytes } from '../../../daemons/lib/domain/metablock.ts';

/** Keys as layouts hold them and signatures as gpg and securesystemslib make them, in a millisecond each: no gpg is run. */

export interface TestKey {
  /** As a layout holds it, with its subkeys where it has some. */
  readonly key: LayoutKey | JsonObject;
  readonly keyid: string;
  sign(signed: JsonObject): Signature;
}
export interface GpgTestKey extends TestKey {
  readonly key: LayoutKey;
}

type GpgKind = 'rsa' | 'dsa' | 'eddsa';
const methods = {
  rsa: 'pgp+rsa-pkcsv1.5',
  dsa: 'pgp+dsa-fips-180-2',
  eddsa: 'pgp+eddsa-ed25519',
} as const;

const hex = (base64url = '') => Buffer.from(base64url, 'base64url').toString('hex');

/** A gpg key; `keyid` is made up unless it is given, which no verifier can tell. */
export function gpgKey(
  kind: GpgKind,
  more: Partial<LayoutKey> = {},
  subkeys: readonly GpgTestKey[] = [],
): GpgTestKey {
  const { numbers, privateKey } = pairOf(kind);
  const key: LayoutKey = {
    type: kind,
    method: methods[kind],
    hashes: ['pgp+SHA2'],
    keyid: randomBytes(20).toString('hex'),
    keyval: { private: '', public: numbers },
    ...(subkeys.length === 0
      ? {}
      : { subkeys: Object.fromEntries(subkeys.map((one) => [one.keyid, one.key])) }),
    ...more,
  };
  return {
    key,
    keyid: key.keyid,
    sign: (signed) => gpgSignature(kind, privateKey, key.keyid, signedBytes(signed)),
  };
}

function pairOf(kind: GpgKind): { numbers: Record<string, string>; privateKey: KeyObject } {
  if (kind === 'dsa') {
    const { publicKey, privateKey } = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 });
    return { numbers: dsaNumbers(publicKey), privateKey };
  }
  const { publicKey, privateKey } =
    kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
  const { n, e, x } = publicKey.export({ format: 'jwk' });
  return { numbers: kind === 'rsa' ? { e: hex(e), n: hex(n) } : { q: hex(x) }, privateKey };
}

/** The four integers of SubjectPublicKeyInfo, in its own order: p, q, g, y. */
function dsaNumbers(publicKey: KeyObject): Record<string, string> {
  const found: string[] = [];
  const walk = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; ) {
      const tag = bytes.readUInt8(at);
      const first = bytes.readUInt8(at + 1);
      const octets = first < 0x80 ? 0 : first - 0x80;
      const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets);
      const content = bytes.subarray(at + 2 + octets, at + 2 + octets + length);
      if (tag === 0x02) found.push(content.toString('hex').replace(/^00/, ''));
      else if (tag === 0x30) walk(content);
      else if (tag === 0x03) walk(content.subarray(1));
      at += 2 + octets + length;
    }
  };
  walk(publicKey.export({ format: 'der', type: 'spki' }));
  const [p = '', q = '', g = '', y = ''] = found;
  return { p, q, g, y };
}

function gpgSignature(kind: GpgKind, privateKey: KeyObject, keyid: string, content: Uint8Array): Signature {
  const headers = Buffer.from(`040001080006050200000000`, 'hex');
  const trailer = Buffer.alloc(6);
  trailer.writeUInt16BE(0x04ff);
  trailer.writeUInt32BE(headers.length, 2);
  const whole = Buffer.concat([content, headers, trailer]);
  const value =
    kind === 'eddsa'
      ? sign(null, createHash('sha256').update(whole).digest(), privateKey)
      : sign('sha256', whole, privateKey);
  const digits = kind === 'rsa' ? value.toString('hex').replace(/^(?:00)+/, '') : value.toString('hex');
  return { keyid, other_headers: headers.toString('hex'), signature: digits };
}

export type PlainScheme =
  | 'ed25519'
  | 'rsassa-pss-sha256'
  | 'rsassa-pss-sha512'
  | 'rsa-pkcs1v15-sha384'
  | 'ecdsa-sha2-nistp256'
  | 'ecdsa-sha2-nistp384';

/** One of securesystemslib's own keys. */
export function plainKey(scheme: PlainScheme): TestKey {
  const keyid = randomBytes(32).toString('hex');
  const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }).toString();
  const testKey = (keytype: string, value: string, signBytes: (content: Uint8Array) => Buffer): TestKey => ({
    key: {
      keyid,
      keytype,
      scheme,
      keyid_hash_algorithms: ['sha256', 'sha512'],
      keyval: { public: value, private: '' },
    },
    keyid,
    sign: (signed) => ({ keyid, sig: signBytes(signedBytes(signed)).toString('hex') }),
  });
  if (scheme === 'ed25519') {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    return testKey('ed25519', hex(publicKey.export({ format: 'jwk' }).x), (content) =>
      sign(null, content, privateKey),
    );
  }
  const hash = /(?:sha|nistp)(\d+)$/.exec(scheme)?.[1];
  if (scheme.startsWith('ecdsa')) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', {
      namedCurve: hash === '256' ? 'P-256' : 'P-384',
    });
    return testKey('ecdsa', pem(publicKey), (content) => sign(`sha${hash}`, content, privateKey));
  }
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const padding = scheme.startsWith('rsassa-pss')
    ? constants.RSA_PKCS1_PSS_PADDING
    : constants.RSA_PKCS1_PADDING;
  return testKey('rsa', pem(publicKey), (content) =>
    sign(`sha${hash}`, content, { key: privateKey, padding }),
  );
}
