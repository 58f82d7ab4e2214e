import { generateKeyPairSync, sign as signWith } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openVaultSigners, VaultSigner } from '../../../daemons/attester/sign/vault-signer.ts';
import { maxSignedDocuments } from '../../../daemons/lib/contracts/sign.ts';
import { VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { ed25519KeyId, ed25519Pem, ed25519PublicOf } from '../../../daemons/lib/evidence/ed25519.ts';
import { CallError } from '../../../daemons/lib/wire/call.ts';
import { type FakeReply, fakeCaller } from '../../support/fake-caller.ts';
import { heardLog, type Told } from '../../support/job-context.ts';

const pair = generateKeyPairSync('ed25519');
const key = ed25519PublicOf(pair.publicKey.export({ type: 'spki', format: 'der' }));
const keyid = ed25519KeyId(key);
/** The vault signs what its documents stand for, not the documents: here, themselves twice. */
const toSign = (text: string) => ({ document: Buffer.from(text), signed: Buffer.from(text + text) });

describe('signing by the vault’s own service', () => {
  let clock: VirtualClock;
  let told: Told[];
  let asked: number[];
  beforeEach(() => {
    clock = new VirtualClock();
    told = [];
    asked = [];
  });

  function signed(objects: readonly Buffer[]): FakeReply {
    const signatures = objects.map((bytes) =>
      signWith(null, Buffer.concat([bytes, bytes]), pair.privateKey).toString('hex'),
    );
    return { reply: { keyid, signatures } };
  }

  /** What the vault answers, call by call; the last one again and again. */
  function ask(texts: readonly string[], ...answers: ((objects: readonly Buffer[]) => FakeReply)[]) {
    const caller = fakeCaller({
      'rebuilder.Sign+reproducible': ({ objects }) => {
        asked.push(objects.length);
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        return (answer ?? signed)(objects);
      },
    });
    const signer = new VaultSigner('reproducible', key, { caller, clock });
    const signing = signer.sign(texts.map(toSign), {
      jobId: 'aaaaaaaaaaaaaaaa.attest',
      log: heardLog(told),
      signal: new AbortController().signal,
    });
    signing.catch(() => {});
    return signing;
  }
  const fails = (code: CallError['code'], inBand: boolean) => () => {
    throw new CallError(code, `it is ${code}`, inBand);
  };

  it('brings a signature for each document, many in one call', async () => {
    const texts = Array.from({ length: maxSignedDocuments + 1 }, (_, number) => `document ${number}`);
    const signatures = await ask(texts);
    expect(signatures).toHaveLength(texts.length);
    expect(new Set(signatures).size).toBe(texts.length);
    expect(asked).toEqual([maxSignedDocuments, 1]);
  });

  it('asks again while the vault is busy, or its daemon is starting', async () => {
    const signing = ask(
      ['a'],
      fails('busy', true),
      fails('lost', false),
      fails('unavailable', false),
      signed,
    );
    await clock.advance(60_000);
    expect(await signing).toHaveLength(1);
    expect(told.filter(({ level }) => level === 'warning')).toHaveLength(3);
  });

  it.each([
    ['refuses', fails('refused', true), 1],
    ['is forbidden to us', fails('refused', false), 1],
    ['stays away', fails('lost', false), 6],
    ['never has time', fails('busy', true), 8],
  ])('fails the job when the vault %s', async (_what, answer, calls) => {
    const signing = ask(['a'], answer);
    await clock.advance(600_000);
    await expect(signing).rejects.toMatchObject({ name: 'JobFailure', code: 'signing' });
    expect(asked).toHaveLength(calls);
  });

  it.each([
    ['with another key', () => ({ reply: { keyid: 'ab'.repeat(32), signatures: ['00'.repeat(64)] } })],
    ['something else', () => ({ reply: { keyid, signatures: ['00'.repeat(64)] } })],
    ['one document of two', (objects: readonly Buffer[]) => signed(objects.slice(0, 1))],
    ['documents in another order', (objects: readonly Buffer[]) => signed([...objects].reverse())],
  ])('lets nothing leave when the vault signs %s', async (_what, answer) => {
    await expect(ask(['a', 'b'], answer)).rejects.toMatchObject({ name: 'JobFailure', code: 'signing' });
  });
});

describe('the vault’s public keys', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rebuilder-keys-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = () => openVaultSigners(folder, { caller: fakeCaller({}), clock: new VirtualClock() });

  it('are those that the operator put there', async () => {
    expect(await open()).toEqual({});
    writeFileSync(join(folder, 'unreproducible.pem'), ed25519Pem(key));
    const { reproducible, unreproducible } = await open();
    expect([reproducible, unreproducible?.keyid]).toEqual([undefined, keyid]);
  });

  it('are refused by name and with the command that shows them', async () => {
    writeFileSync(join(folder, 'reproducible.pem'), 'no key');
    await expect(open()).rejects.toMatchObject({
      name: 'KeyError',
      code: 'unusable',
      message: `${folder}/reproducible.pem: not an Ed25519 public key; in the vault, \`rebuilder-keys public reproducible\` shows it`,
    });
  });
});
