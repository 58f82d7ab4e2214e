import { generateKeyPairSync, sign } from 'node:crypto';
import { type Expected, malformed, refused } from './expected.ts';
import { type Kind, linkKind, type Serve } from './kind.ts';

/** Something else where a link is looked for, or nothing. */

const absent = refused('link-not-found', 'LinkNotFoundError');
const sublayout = refused('link-not-found sublayout', 'LinkNotFoundError');
const tooLarge = 16 * 1_048_576 + 1;

export const documents: readonly Kind[] = [
  inPlace('nothing', 4, absent, () => undefined),
  inPlace('an empty file', 1, malformed, () => ''),
  inPlace('noise', 1, malformed, (_, { draw }) => draw.bytes(draw.between(1, 2_000))),
  inPlace('a page', 2, malformed, () => '<!DOCTYPE html><title>404</title>Not here.'),
  inPlace('other JSON', 2, malformed, (_, { draw }) =>
    draw.pick(['null', '[]', '{}', '"link"', '7', '{"signatures":[],"signed":null}']),
  ),
  inPlace('half of it', 2, malformed, (text, { draw }) => text.slice(0, draw.between(1, text.length - 1))),
  inPlace('a tail after it', 1, malformed, (text, { draw }) => `${text}${draw.pick(['}', 'x', text])}`),
  inPlace(
    'brackets without end',
    1,
    malformed,
    (text) => `${text.slice(0, -1)},"x":${'['.repeat(1_000_000)}`,
  ),
  inPlace('a layout', 2, sublayout, (_, { by, world }) => world.layout([by], 1, { signer: by })),
  inPlace('an envelope', 2, malformed, envelope),
  inPlace(
    'more bytes than anybody reads',
    1,
    {
      ...malformed,
      method: 'link-not-found',
      // It asked, and cannot tell what it would have heard.
      verify: 'publication-unreachable',
    },
    () => Buffer.alloc(tooLarge, '['),
  ),
];

/**
 * What Debian's method takes and ours does not. No publication of anybody's has them: in-toto writes ASCII, and little of
 * it.
 */
export const strictness: readonly Kind[] = [
  inPlace(
    'it in more bytes than anybody reads',
    1,
    {
      method: 'link-not-found',
      verify: 'publication-unreachable',
      debian: 'accepted',
      why: 'it reads whatever comes, however much',
    },
    (text) => text.padEnd(tooLarge),
  ),
  inPlace(
    'it in another encoding than UTF-8, or with a mark of it',
    1,
    {
      ...malformed,
      debian: 'accepted',
      why: 'requests guesses the encoding; RFC 8259 section 8.1 wants UTF-8 without a mark',
    },
    (text, { draw }) => Buffer.from(`\ufeff${text}`, draw.pick(['utf8', 'utf16le'] as const)),
  ),
];

function inPlace(of: string, times: number, expected: Expected, serve: Serve): Kind {
  return linkKind(`in its place ${of}`, times, expected, serve);
}

/** in-toto's newer form of the same link (DSSE), by a key of its own kind. */
function envelope(text: string): string {
  const type = 'application/vnd.in-toto+json';
  const payload = JSON.stringify((JSON.parse(text) as { signed: unknown }).signed);
  const signed = `DSSEv1 ${type.length} ${type} ${Buffer.byteLength(payload)} ${payload}`;
  const signature = sign(null, Buffer.from(signed), generateKeyPairSync('ed25519').privateKey);
  return JSON.stringify({
    payloadType: type,
    payload: Buffer.from(payload).toString('base64'),
    signatures: [{ keyid: '', sig: signature.toString('base64') }],
  });
}
