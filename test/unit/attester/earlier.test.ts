import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEarlier } from '../../../daemons/attester/sign/earlier.ts';
import type { LayoutKey } from '../../../daemons/lib/domain/layout.ts';
import { linkOf } from '../../../daemons/lib/domain/link.ts';
import { overTheWire, placesOf, replaced } from '../../support/json-places.ts';

/** An Ed25519 key whose private half nobody here has: no document is signed by it. */
const key: LayoutKey = {
  type: 'eddsa',
  method: 'pgp+eddsa-ed25519',
  hashes: ['pgp+SHA2'],
  keyid: '56f3a6bd7937a164bfdcd2c1d8e7b96678b48762',
  keyval: {
    private: '',
    public: { q: '983646ef890e38863236d9c60cf94430d5a2a43f4fbdd1736786bc120736ac43' },
  },
  creation_time: 1_795_546_715,
};
const now = 1_795_546_800_000;
const document = overTheWire({
  signatures: [{ keyid: key.keyid, other_headers: '0400160800', signature: '6e'.repeat(64) }],
  signed: linkOf({ 'aa_1_amd64.deb': { sha256: 'ab'.repeat(32) } }, { note: 'x' }),
});

function read(text: string): { link: unknown; why: readonly string[] } {
  const why: string[] = [];
  const content = Buffer.from(text);
  const link = readEarlier({ path: 'debian/x/metadata', content }, [key], now, (reason) => why.push(reason));
  return { link, why };
}

describe('an earlier link', () => {
  it('that this key did not sign is told and left out', () => {
    expect(read(JSON.stringify(document))).toEqual({ link: undefined, why: ['its signature is bad'] });
    const signature = { keyid: '00'.repeat(20), other_headers: '00', signature: '00' };
    const foreign = JSON.stringify(replaced(document, ['signatures', 0], signature));
    expect(read(foreign)).toEqual({ link: undefined, why: ['its signature is other-key'] });
  });

  it('whose form nobody can sign is told and left out', () => {
    for (const odd of [0.5, 2 ** 60, '\ud800']) {
      const { link, why } = read(JSON.stringify(replaced(document, ['signed', 'environment', 'note'], odd)));
      expect(link).toBeUndefined();
      expect(why).toHaveLength(1);
    }
  });

  it('of any bytes is told and left out, and ends no attestation', () => {
    const noise = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }).map(overTheWire),
      fc.constantFrom(0.5, '\ud800', { toString: 1, valueOf: 1 }),
    );
    const changed = fc
      .tuple(fc.constantFrom(...placesOf(document)), noise)
      .map(([{ steps }, by]) => JSON.stringify(replaced(document, steps, by)));
    fc.assert(
      fc.property(
        fc.oneof({ weight: 4, arbitrary: changed }, { weight: 1, arbitrary: fc.string() }),
        (text) => {
          const { link, why } = read(text);
          expect(link).toBeUndefined();
          expect(why).toHaveLength(1);
        },
      ),
      { numRuns: 500 },
    );
  });
});
