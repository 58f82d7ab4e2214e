import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { armorPublicKey, dearmor } from '../../../../daemons/lib/openpgp/armor.ts';
import { OpenPgpError } from '../../../../daemons/lib/openpgp/error.ts';
import { bytesOf } from '../../../support/openpgp-packets.ts';

const keys = bytesOf(300).map((bytes) => Buffer.concat([Buffer.from([0x99]), bytes]));

function readOrRefusal(file: Buffer): Buffer | 'refused' {
  try {
    return dearmor(file);
  } catch (error) {
    expect(error).toBeInstanceOf(OpenPgpError);
    return 'refused';
  }
}

describe('armour', () => {
  it('holds the bytes that were put into it, whatever its line ends and what stands around it', () => {
    fc.assert(
      fc.property(
        keys,
        fc.constantFrom('\n', '\r\n'),
        fc.constantFrom('', 'Comment: x\n'),
        (bytes, end, header) => {
          const armored = armorPublicKey(bytes).replace('-----\n\n', `-----\n${header}\n`);
          const text = `mail from a friend:\n${armored}-- \nbye\n`.replaceAll('\n', end);
          expect(dearmor(Buffer.from(text))).toEqual(bytes);
        },
      ),
    );
  });

  it('is not looked for in bytes that are packets already', () => {
    fc.assert(
      fc.property(keys, (bytes) => {
        expect(dearmor(bytes)).toEqual(bytes);
      }),
    );
  });

  it('with any one of its characters changed holds the same bytes or is refused', () => {
    fc.assert(
      fc.property(keys, fc.nat(), fc.constantFrom(...'Aa0+/=- \n'), (bytes, at, by) => {
        const text = armorPublicKey(bytes);
        const from = text.indexOf('\n\n') + 2;
        const place = from + (at % (text.indexOf('\n-----END') - from));
        // A checksum need not be there: without its sign there is none.
        if (text.slice(place - 1, place + 1) === '\n=') return;
        const changed = Buffer.from(text.slice(0, place) + by + text.slice(place + 1));
        const read = readOrRefusal(changed);
        if (read !== 'refused') expect(read).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['nothing', ''],
    ['a text', 'no key at all'],
    ['a block without an end', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n'],
    [
      'a block without a blank line',
      '-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n',
    ],
    ['an empty block', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n'],
    [
      'what is not base64',
      '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nm$==\n-----END PGP PUBLIC KEY BLOCK-----\n',
    ],
    ['many beginnings', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n'.repeat(20_000)],
  ])('is not %s', (_what, text) => {
    expect(() => dearmor(Buffer.from(text))).toThrow(OpenPgpError);
  });
});
