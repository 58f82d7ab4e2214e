import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SigningKey } from '../../../daemons/attester/keys.ts';
import { signLinks } from '../../../daemons/attester/sign/sign-links.ts';
import { linkOf } from '../../../daemons/lib/domain/link.ts';
import { parseFingerprint, parsePublicationPath } from '../../../daemons/lib/domain/names.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { hash } from '../../support/evidence.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';

describe('signLinks', () => {
  let gnupg: GnuPg;
  let key: SigningKey;
  const asked: string[] = [];
  beforeAll(() => {
    gnupg = openGnuPg();
    const fingerprint = parseFingerprint(gnupg.makeKey('Rebuilder'));
    const signer = gpgSigner(fingerprint, { home: gnupg.home });
    key = {
      fingerprint,
      key: readPublicKey(gnupg.exportKey(fingerprint)),
      signer: {
        fingerprint,
        sign(content) {
          asked.push(Buffer.from(content).toString());
          return signer.sign(content);
        },
      },
    } as Partial<SigningKey> as SigningKey;
  });
  afterAll(() => gnupg.remove());

  it('has each document signed once, and every link of it at its place, in order', async () => {
    const link = (name: string) => linkOf({ [name]: { sha256: hash(name) } });
    const planned = ['a', 'b', 'a', 'c', 'a'].map((name, index) => ({
      link: link(name),
      path: () => parsePublicationPath(`debian/sources/${name}${index}/1.0/metadata`),
    }));
    const told: number[] = [];
    const links = await signLinks(planned, {
      key,
      now: Date.now(),
      signal: new AbortController().signal,
      onEach: (done) => told.push(done),
    });
    expect(asked).toHaveLength(3);
    expect(links.map(({ path }) => path.split('/')[2])).toEqual(['a0', 'b1', 'a2', 'c3', 'a4']);
    for (const [index, { content }] of links.entries()) {
      expect(JSON.parse(content.toString()).signed).toEqual(planned[index]?.link);
    }
    expect(links[2]?.content).toBe(links[0]?.content);
    expect(told.at(-1)).toBe(5);
  });
});
