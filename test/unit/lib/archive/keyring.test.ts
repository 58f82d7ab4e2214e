import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArchiveError } from '../../../../daemons/lib/archive/errors.ts';
import { dearmor, prepareKeyrings } from '../../../../daemons/lib/archive/keyring.ts';
import { armorPublicKey } from '../../../../daemons/lib/openpgp/armor.ts';
import { bytesOf } from '../../../support/openpgp-packets.ts';

const keys = bytesOf(300).map((bytes) => Buffer.concat([Buffer.from([0x99]), bytes]));

describe('dearmor', () => {
  it('gives every block of a keyring, one after the other, whatever stands between', () => {
    const gap = fc.constantFrom('', '\n', 'a comment\n', '=\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, gap), { minLength: 1, maxLength: 4 }), (blocks) => {
        const text = blocks.map(([bytes, between]) => armorPublicKey(bytes) + between).join('');
        expect(dearmor(text)).toEqual(Buffer.concat(blocks.map(([bytes]) => bytes)));
        expect(dearmor(text.replaceAll('\n', '\r\n'))).toEqual(Buffer.concat(blocks.map(([bytes]) => bytes)));
      }),
    );
  });

  it('answers any text with bytes or an ArchiveError', () => {
    const [armored = ''] = fc.sample(keys, { numRuns: 1, seed: 5 }).map(armorPublicKey);
    const cut = fc
      .tuple(fc.nat(armored.length), fc.nat(armored.length))
      .map(([from, to]) => armored.slice(0, from) + armored.slice(to));
    fc.assert(
      fc.property(fc.oneof(cut, fc.string()), (text) => {
        try {
          expect(dearmor(text).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiveError);
        }
      }),
    );
  });

  it('reads a block that begins over and over once', () => {
    const begin = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n';
    const text = `${begin.repeat(50_000)}mQ==\n-----END PGP PUBLIC KEY BLOCK-----\n`;
    expect(dearmor(text).length).toBeLessThan(text.length);
  });
});

describe('prepareKeyrings', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keyring-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('leaves a binary keyring where it is, and writes an armored one as gpgv reads it', async () => {
    const bytes = Buffer.from([0x99, 0, 1, 4]);
    const files = { binary: join(folder, 'a.gpg'), armored: join(folder, 'a.asc') };
    writeFileSync(files.binary, bytes);
    writeFileSync(files.armored, armorPublicKey(bytes));
    const keyrings = [{ file: files.binary }, { file: files.armored }, { armored: armorPublicKey(bytes) }];
    const [binary, ...written] = await prepareKeyrings(keyrings, folder);
    expect(binary).toBe(files.binary);
    expect(new Set(written).size).toBe(2);
    for (const path of written) expect(readFileSync(path)).toEqual(bytes);
  });

  it.each([
    ['there is none', []],
    ['one is missing', [{ file: '/nonexistent/keyring.gpg' }]],
    ['one is a folder', [{ file: '/' }]],
    ['one holds no key', [{ armored: 'no key' }]],
  ])('says so when %s', async (_what, keyrings) => {
    await expect(prepareKeyrings(keyrings, folder)).rejects.toMatchObject({
      name: 'ArchiveError',
      code: 'no-key',
    });
  });
});
