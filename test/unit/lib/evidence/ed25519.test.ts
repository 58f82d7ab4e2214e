import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalBytes } from '../../../../daemons/lib/contracts/documents/canonical.ts';
import { parseRebuilderdLink } from '../../../../daemons/lib/contracts/documents/rebuilderd-link.ts';
import {
  ed25519KeyId,
  ed25519Pem,
  ed25519PublicOf,
  readEd25519Pem,
  rebuilderdPem,
  signatureCheck,
} from '../../../../daemons/lib/evidence/ed25519.ts';
import { askPython } from '../../../support/python.ts';

const pair = generateKeyPairSync('ed25519');
const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
const key = ed25519PublicOf(spki);

function derOf(pem: string): Buffer {
  return Buffer.from(pem.split(/\r?\n/)[1] ?? '', 'base64');
}

describe('a public Ed25519 key', () => {
  it('in its usual form is what Node and Python write', () => {
    const script = `
import json, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(json.load(sys.stdin)))
print(json.dumps(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()))`;
    expect(ed25519Pem(key)).toBe(askPython(script, key));
    expect(createPublicKey(ed25519Pem(key)).export({ type: 'spki', format: 'der' }).equals(spki)).toBe(true);
  });

  it("in rebuilderd's form has 46 bytes, two for the NULL that OpenSSL refuses", () => {
    const der = derOf(rebuilderdPem(key));
    expect(der.toString('hex')).toBe(`302c300706032b65700500032100${key}`);
    expect(der).toHaveLength(46);
    expect(rebuilderdPem(key)).toMatch(
      /^-----BEGIN PUBLIC KEY-----\r\n[A-Za-z0-9+/=]{64}\r\n-----END PUBLIC KEY-----\r\n$/,
    );
    expect(() => createPublicKey(rebuilderdPem(key))).toThrow();
  });

  it('is read back from its PEM, and from no other text', () => {
    expect(readEd25519Pem(ed25519Pem(key))).toBe(key);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey;
    for (const wrong of [
      '',
      'not PEM',
      rebuilderdPem(key),
      String(rsa.export({ type: 'spki', format: 'pem' })),
    ]) {
      expect(readEd25519Pem(wrong)).toBeUndefined();
    }
  });

  it('tells what was signed by it', () => {
    const bytes = Buffer.from('a document');
    const signature = sign(null, bytes, pair.privateKey).toString('hex');
    expect(signatureCheck(key)(bytes, signature)).toBe(true);
    for (const [wrongBytes, wrong] of [
      [Buffer.from('another'), signature],
      [bytes, `00${signature.slice(2)}`],
      [bytes, ''],
    ] as const) {
      expect(signatureCheck(key)(wrongBytes, wrong)).toBe(false);
    }
  });

  it('is not read from what is none', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey;
    for (const wrong of [
      Buffer.alloc(0),
      spki.subarray(0, 43),
      rsa.export({ type: 'spki', format: 'der' }),
    ]) {
      expect(() => ed25519PublicOf(wrong)).toThrow('not the SubjectPublicKeyInfo of an Ed25519 key');
    }
  });
});

const samples = resolve('../shared/samples/03-in-toto/rebuilderd-attestation');
describe.runIf(existsSync(samples))("reproduce.debian.net's attestation", () => {
  const link = JSON.parse(
    readFileSync(join(samples, 'librust-as-slice-dev_0.2.1-1+b2_amd64.in-toto.link'), 'utf8'),
  );
  const pem = readFileSync(join(samples, 'reproduce-debian-net-amd64.pub'), 'utf8');
  const theirs = derOf(pem).subarray(-32).toString('hex');

  it('names its key as we name ours, and writes it as we do', () => {
    expect(link.signatures[1].keyid).toBe(ed25519KeyId(theirs));
    expect(derOf(rebuilderdPem(theirs)).equals(derOf(pem))).toBe(true);
  });

  it('is a link as we parse it, whose canonical form is what they signed', () => {
    const signed = canonicalBytes(parseRebuilderdLink(link.signed));
    const check = (bytes: Uint8Array) =>
      verify(null, bytes, ed25519Pem(theirs), Buffer.from(link.signatures[1].sig, 'hex'));
    expect(check(signed)).toBe(true);
    expect(check(Buffer.concat([signed, Buffer.from(' ')]))).toBe(false);
  });
});
