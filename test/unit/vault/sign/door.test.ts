import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxSignedBytes, type SignKind, sign } from '../../../../daemons/lib/contracts/sign.ts';
import { systemClock, VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../../daemons/lib/daemon/log.ts';
import { ed25519Pem } from '../../../../daemons/lib/evidence/ed25519.ts';
import { bufferObject } from '../../../../daemons/lib/wire/frame.ts';
import { serveSocket } from '../../../../daemons/lib/wire/serve.ts';
import { vaultDoor } from '../../../../daemons/vault/sign/door.ts';
import { openSigningKey } from '../../../../daemons/vault/sign/keys.ts';
import { Signer } from '../../../../daemons/vault/sign/signer.ts';
import { SignatureLog } from '../../../../daemons/vault/signature-log.ts';
import { askPython } from '../../../support/python.ts';
import { bytesOf, exampleLink, exampleManifest, exampleStatement } from '../../../support/sign-documents.ts';
import { socketCaller, typed } from '../../../support/socket-caller.ts';

const pythonVerify = `
import json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
def pae(kind, body):
    return b'DSSEv1 %d %s %d %s' % (len(kind), kind, len(body), body)
def holds(case):
    body = bytes.fromhex(case['document'])
    signed = pae(case['type'].encode(), body) if case['type'] else body
    try:
        load_pem_public_key(case['pem'].encode()).verify(bytes.fromhex(case['signature']), signed)
        return True
    except InvalidSignature:
        return False
print(json.dumps([holds(case) for case in json.load(sys.stdin)]))`;

const documents = [
  ['reproducible', 'application/vnd.in-toto+json', bytesOf(exampleStatement('reproducible'))],
  ['unreproducible', 'application/vnd.in-toto+json', bytesOf(exampleStatement('unreproducible'))],
  ['reproducible', null, bytesOf(exampleLink())],
  ['manifest', 'application/vnd.package-rebuilder.manifest+json', bytesOf(exampleManifest(1))],
] as const;

describe('rebuilder.Sign', () => {
  let state: string;
  let clock: VirtualClock;
  let said: string;
  let close: () => Promise<void>;
  const door = () => join(state, 'door.sock');

  beforeEach(async () => {
    state = mkdtempSync(join(tmpdir(), 'vault-door-'));
    clock = new VirtualClock();
    said = '';
    const log = openLog('vault', {
      style: 'plain',
      write: (line) => {
        said += line;
      },
    });
    const signer = await Signer.open({
      clock,
      log,
      state,
      signatures: new SignatureLog(state),
      perMinute: 30,
    });
    const onCall = vaultDoor({ clock: systemClock, log, signer });
    const limits = { maxConnections: 10, maxOfOneQube: 10 };
    ({ close } = await serveSocket({ path: door(), clock: systemClock, log, ...limits, onCall }));
  });
  afterEach(async () => {
    await close();
    rmSync(state, { recursive: true });
  });

  async function askAll(kind: SignKind, documents: readonly Uint8Array[]) {
    const objects = documents.map(bufferObject);
    const call = await socketCaller(door(), 'work-attester').call(sign, kind, {}, { objects });
    await call.done();
    return call.reply;
  }
  async function ask(kind: SignKind, document: Uint8Array) {
    const { keyid, signatures } = await askAll(kind, [document]);
    expect(signatures).toHaveLength(1);
    return { keyid, signature: signatures[0] ?? '' };
  }

  const logged = () => {
    const path = join(state, 'signatures.log');
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').filter(Boolean) : [];
  };

  it('signs each kind with a key of its own, as Python checks it', async () => {
    const cases = [];
    for (const [kind, type, document] of documents) {
      const { keyid, signature } = await ask(kind, document);
      const key = await openSigningKey(state, kind);
      expect(keyid).toBe(key.keyid);
      const one = { type, document: document.toString('hex'), signature, pem: ed25519Pem(key.public) };
      const other = await openSigningKey(state, kind === 'manifest' ? 'reproducible' : 'manifest');
      cases.push(one, { ...one, pem: ed25519Pem(other.public) }, { ...one, document: `${one.document}20` });
    }
    expect(askPython(pythonVerify, cases)).toEqual(documents.flatMap(() => [true, false, false]));
  });

  it("signs a link of rebuilderd's as OpenSSL checks it", async () => {
    const document = bytesOf(exampleLink());
    const { signature } = await ask('reproducible', document);
    const at = (name: string) => join(state, name);
    writeFileSync(at('document'), document);
    writeFileSync(at('signature'), Buffer.from(signature, 'hex'));
    writeFileSync(at('key.pem'), ed25519Pem((await openSigningKey(state, 'reproducible')).public));
    const verify = ['pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', at('key.pem'), '-in', at('document')];
    expect(
      execFileSync('openssl', [...verify, '-sigfile', at('signature')], { encoding: 'utf8', stdio: 'pipe' }),
    ).toContain('Signature Verified Successfully');
  });

  it('writes each signature down: when, what, for whom', async () => {
    for (const [kind, , document] of documents) await ask(kind, document);
    const [statement, , link, manifest] = logged();
    const sha256 = createHash('sha256').update(documents[0][2]).digest('hex');
    const { keyid } = await openSigningKey(state, 'reproducible');
    const files = exampleStatement('reproducible').subject.length;
    expect(statement).toBe(
      `2023-11-14T22:13:20.000Z signed kind=reproducible subject=sed_1.0-1_amd64(${files}) sha256=${sha256} key=${keyid} for=work-attester`,
    );
    expect(link).toContain(' kind=reproducible subject=sed_4.9-1_amd64.deb ');
    expect(manifest).toContain(' kind=manifest subject=debian#1 ');
    expect(logged()).toHaveLength(documents.length);
    expect(said).toContain('signed');
  });

  it('tells its journal and its log which job a signature is for', async () => {
    const job = 'abcdefghijklmnop.attest';
    const objects = [bufferObject(bytesOf(exampleStatement('reproducible')))];
    const caller = socketCaller(door(), 'work-attester');
    const call = await caller.call(sign, 'reproducible', { job }, { objects });
    await call.done();
    expect(said).toMatch(
      / notice vault: signed kind=reproducible .* qube=work-attester job=abcdefghijklmnop\.attest$/m,
    );
    expect(logged()).toEqual([expect.stringMatching(/ for=work-attester job=abcdefghijklmnop\.attest$/)]);
    const wrong = caller.call(sign, 'reproducible', { job: 'any text' }, { objects });
    await expect(wrong).rejects.toMatchObject({ code: 'protocol' });
  });

  it('refuses a document of another kind, and one that is none, and writes nothing down', async () => {
    const kinds: readonly SignKind[] = ['reproducible', 'unreproducible', 'manifest'];
    for (const [own, , document] of documents) {
      for (const kind of kinds.filter((one) => one !== own)) {
        await expect(ask(kind, document), `${own} as ${kind}`).rejects.toMatchObject({
          name: 'CallError',
          inBand: true,
          code: expect.stringMatching(/^(refused|protocol)$/),
        });
      }
    }
    await expect(ask('unreproducible', documents[0][2])).rejects.toMatchObject({ code: 'refused' });
    await expect(ask('manifest', Buffer.from('{}'))).rejects.toMatchObject({ code: 'protocol' });
    expect(logged()).toEqual([]);
  });

  it('signs many documents of one call, in their order, or none of them', async () => {
    const links = ['a_1_all.deb', 'b_1_all.deb', 'c_1_all.deb'].map((name) => bytesOf(exampleLink(name)));
    const { signatures } = await askAll('reproducible', links);
    for (const [at, link] of links.entries()) {
      expect(await ask('reproducible', link)).toMatchObject({ signature: signatures[at] });
    }
    expect(
      logged()
        .slice(0, 3)
        .map((line) => / subject=(\S+) /.exec(line)?.[1]),
    ).toEqual(['a_1_all.deb', 'b_1_all.deb', 'c_1_all.deb']);
    const before = logged().length;
    const spoilt = [...links, bytesOf(exampleStatement('unreproducible'))];
    await expect(askAll('reproducible', spoilt)).rejects.toMatchObject({ code: 'refused' });
    const manifests = [exampleManifest(2), exampleManifest(1)].map(bytesOf);
    await expect(askAll('manifest', manifests)).rejects.toMatchObject({ code: 'refused' });
    expect(logged()).toHaveLength(before);
  });

  it('counts manifests upwards, and gives a lost reply again', async () => {
    const first = await ask('manifest', bytesOf(exampleManifest(5)));
    expect(await ask('manifest', bytesOf(exampleManifest(5)))).toEqual(first);
    for (const wrong of [exampleManifest(5, 'debian', 'b'), exampleManifest(4)]) {
      await expect(ask('manifest', bytesOf(wrong))).rejects.toMatchObject({ code: 'refused' });
    }
    await ask('manifest', bytesOf(exampleManifest(1, 'qubesos')));
    await ask('manifest', bytesOf(exampleManifest(6)));
    await expect(ask('manifest', bytesOf(exampleManifest(5)))).rejects.toMatchObject({ code: 'refused' });
    expect(logged()).toHaveLength(4);
  });

  it('says busy to more documents than its rate allows, good or bad, and says so in its journal', async () => {
    const link = bytesOf(exampleLink());
    for (let number = 0; number < 15; number++) {
      await ask('reproducible', link);
      await expect(ask('reproducible', Buffer.from('{}'))).rejects.toMatchObject({ code: 'protocol' });
    }
    await expect(ask('reproducible', link)).rejects.toMatchObject({ code: 'busy', inBand: true });
    expect(said).toMatch(/call refused .*error=busy/);
    await clock.advance(2_000);
    await ask('reproducible', link);
    await expect(ask('reproducible', link)).rejects.toMatchObject({ code: 'busy' });
  });

  it('refuses a request without a document, with a larger one, and of a kind that it does not know', async () => {
    expect(await typed(door(), 'work-attester', 'rebuilder.Sign+manifest')).toContain('"error":"protocol"');
    expect(await typed(door(), 'work-attester', 'rebuilder.Sign+layout')).toContain('no argument');
    expect(await typed(door(), 'work-attester', 'rebuilder.Lease+get')).toBe('');
    const halves = Array.from({ length: 3 }, () => Buffer.alloc(maxSignedBytes / 2));
    for (const documents of [[Buffer.alloc(maxSignedBytes + 1)], halves]) {
      await expect(askAll('reproducible', documents)).rejects.toMatchObject({ code: 'too-large' });
    }
    expect(logged()).toEqual([]);
  });

  it('lets no signature leave that could not be written down', async () => {
    rmSync(join(state, 'signatures.log'), { force: true });
    mkdirSync(join(state, 'signatures.log'));
    await expect(ask('reproducible', bytesOf(exampleLink()))).rejects.toMatchObject({ code: 'internal' });
  });
});
