import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DistSettings } from '../../../daemons/attester/settings.ts';
import { parseBuildEvidence } from '../../../daemons/lib/contracts/documents/build-evidence.ts';
import { readStatement } from '../../../daemons/lib/contracts/documents/statement.ts';
import { ed25519Pem } from '../../../daemons/lib/evidence/ed25519.ts';
import { askPython, newestPython } from '../../support/python.ts';
import { Fixture, poolNames } from './fixture.ts';

/** Reads each document as the libraries do that verifiers have: who signed it, and what it says. */
const pythonReads = `
import json, sys
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Signature, SSlibKey

def key_of(case):
    raw = load_pem_public_key(case['pem'].encode()).public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return SSlibKey(case['keyid'], 'ed25519', 'ed25519', {'public': raw})

def envelope(case):
    document = Envelope.from_dict(json.loads(case['document']))
    document.verify([key_of(case)], 1)
    return json.loads(document.payload)

def link(case):
    document = json.loads(case['document'])
    [signature] = document['signatures']
    signed = encode_canonical(document['signed']).encode()
    key_of(case).verify_signature(Signature.from_dict(signature), signed)
    return document['signed']

def read(case):
    try:
        return {'envelope': envelope, 'link': link}[case['form']](case)
    except Exception as error:
        return type(error).__name__
print(json.dumps([read(case) for case in json.load(sys.stdin)]))`;

describe('the verdict’s second form', () => {
  let fixture: Fixture;
  let untouched: DistSettings;
  beforeAll(async () => {
    fixture = await Fixture.open();
    untouched = { ...fixture.settings, vault: await fixture.openSignDoor() };
  });
  beforeEach(() => {
    fixture.settings = untouched;
    fixture.told.length = 0;
  });
  afterAll(() => fixture.close());

  function read(verdict: 'reproducible' | 'unreproducible', form: 'envelope' | 'link', document: string) {
    const signer = untouched.vault[verdict];
    if (signer === undefined) throw new Error('no signer');
    const at = Math.floor(document.length / 2);
    const spoilt = document.slice(0, at) + (document[at] === 'A' ? 'B' : 'A') + document.slice(at + 1);
    const common = { form, keyid: signer.keyid, pem: ed25519Pem(signer.publicKey) };
    const cases = [document, spoilt].map((one) => ({ ...common, document: one }));
    const [good, bad] = askPython(pythonReads, cases, {}, newestPython) as unknown[];
    expect(bad).toBeTypeOf('string');
    return good;
  }

  it('is a statement in an envelope, as securesystemslib reads it, with the evidence it rests on', async () => {
    const attestation = await fixture.attest({ parts: ['any', 'all'] });
    const published = fixture.published(attestation);
    const folder = 'debian/sources/foo/1.0-1';
    const text = published.get(`${folder}/statement.amd64.intoto.jsonl`)?.toString() ?? '';
    const evidence = published.get(`${folder}/evidence.amd64.json`) ?? Buffer.alloc(0);
    const statement = read('reproducible', 'envelope', text);
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [poolNames.all, poolNames.any].map((name) => ({
        name,
        digest: { sha256: fixture.sha256(name) },
      })),
      predicate: {
        verdict: 'reproducible',
        environment: { kind: 'inferred' },
        evidence: createHash('sha256').update(evidence).digest('hex'),
        rebuilder: { id: null },
      },
    });
    const payload = Buffer.from(JSON.parse(text).payload, 'base64');
    expect(readStatement(payload)).toEqual(statement);
    const keyid = untouched.vault.reproducible?.keyid;
    expect(published.get(`debian/${keyid}.pem`)?.toString()).toContain('BEGIN PUBLIC KEY');
    const { releases, files } = parseBuildEvidence(JSON.parse(evidence.toString()));
    expect(releases[0]?.sha256).toBe(fixture.release);
    expect(published.has(`debian/releases/${releases[0]?.sha256}.InRelease`)).toBe(true);
    expect(files.map(({ name }) => name)).toEqual([poolNames.all, poolNames.any]);
  });

  it('is also a link of rebuilderd’s for each file, made from the .dsc or the buildinfo', async () => {
    const inferred = fixture.published(await fixture.attest({ parts: ['any', 'all'] }));
    const buildinfo = fixture.buildinfo(['any']);
    const recorded = fixture.published(await fixture.attest({ buildinfo }));
    const cases = [
      [inferred, [poolNames.all, poolNames.any], 'foo_1.0-1.dsc'],
      [recorded, [poolNames.any], 'foo_1.0-1_amd64.buildinfo'],
    ] as const;
    for (const [published, names, material] of cases) {
      const text = published.get('debian/sources/foo/1.0-1/rebuilderd.amd64.jsonl')?.toString() ?? '';
      const lines = text.trimEnd().split('\n');
      expect(lines).toHaveLength(names.length);
      for (const [at, name] of names.entries()) {
        const bytes = fixture.official(name);
        const hash = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex');
        const link = read('reproducible', 'link', lines[at] ?? '') as { materials: object };
        expect(link).toMatchObject({
          name: `rebuild ${name}`,
          products: { [name]: { sha256: hash('sha256'), sha512: hash('sha512') } },
          environment: null,
        });
        expect(Object.keys(link.materials)).toEqual([material]);
      }
    }
    expect(recorded.get('debian/sources/foo/1.0-1/foo_1.0-1_amd64.buildinfo')?.toString()).toBe(buildinfo);
  });

  it('says of a difference what users get and what came out, by the other key, in the other tree', async () => {
    const other = Buffer.from('built at another time');
    const attestation = await fixture.attest({
      buildinfo: fixture.buildinfo(['any']),
      made: { [poolNames.any]: other },
    });
    const published = fixture.published(attestation);
    const folder = 'debian/unreproducible/sources/foo/1.0-1';
    const text = published.get(`${folder}/statement.amd64.intoto.jsonl`)?.toString() ?? '';
    expect(read('unreproducible', 'envelope', text)).toMatchObject({
      subject: [{ name: poolNames.any, digest: { sha256: fixture.sha256(poolNames.any) } }],
      predicate: {
        verdict: 'unreproducible',
        environment: { kind: 'buildinfo' },
        rebuilt: [
          { name: poolNames.any, digest: { sha256: createHash('sha256').update(other).digest('hex') } },
        ],
      },
    });
    expect([...published.keys()].filter((path) => path.endsWith('.jsonl'))).toHaveLength(1);
  });

  it('is made without OpenPGP keys, too, and by the name that the operator gave', async () => {
    const rebuilderId = 'https://rebuild.example.org/debian' as DistSettings['rebuilderId'];
    fixture.settings = { ...untouched, reproducible: undefined, rebuilderId };
    const published = fixture.published(await fixture.attest());
    expect([...published.keys()].filter((path) => /metadata$|\.link$|\.asc$/.test(path))).toEqual([]);
    const text = published.get('debian/sources/foo/1.0-1/statement.amd64.intoto.jsonl')?.toString() ?? '';
    expect(read('reproducible', 'envelope', text)).toMatchObject({
      predicate: { rebuilder: { id: rebuilderId } },
    });
  });

  it('publishes nothing, no link either, when the vault signs with another key', async () => {
    const { reproducible, unreproducible } = untouched.vault;
    if (reproducible === undefined || unreproducible === undefined) throw new Error('no signers');
    const { publicKey, options } = unreproducible;
    const { VaultSigner } = await import('../../../daemons/attester/sign/vault-signer.ts');
    const vault = { reproducible: new VaultSigner('reproducible', publicKey, options) };
    fixture.settings = { ...untouched, vault };
    await expect(fixture.attest()).rejects.toMatchObject({
      code: 'signing',
      message: expect.stringContaining(`signs reproducible with the key ${reproducible.keyid}`),
    });
  });
});
