import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { type LayoutKey, parseLayout } from '../../../../daemons/lib/domain/layout.ts';
import { parseLink } from '../../../../daemons/lib/domain/link.ts';
import {
  type JsonObject,
  MetablockError,
  parseMetablock,
  type Signature,
  signedBytes,
} from '../../../../daemons/lib/domain/metablock.ts';
import { VerificationError } from '../../../../daemons/lib/intoto/errors.ts';
import { judgeSignature } from '../../../../daemons/lib/intoto/signature.ts';
import { dearmor } from '../../../../daemons/lib/openpgp/armor.ts';
import { readPublicKey } from '../../../../daemons/lib/openpgp/public-key.ts';
import { askPython } from '../../../support/python.ts';

const samples = new URL('../../../../../shared/samples/03-in-toto/', import.meta.url);

/** Of each document by each key: whether in-toto finds a good signature. */
const judge = `
import json, sys
from in_toto.models.metadata import Metablock
def good(document, key):
  try:
    document.verify_signature(key)
    return True
  except Exception:
    return False
asked = json.load(sys.stdin)
documents = [Metablock.load(path) for path in asked["paths"]]
print(json.dumps([[good(document, key) for key in asked["keys"]] for document in documents]))
`;

interface Sample {
  readonly path: string;
  readonly signatures: readonly Signature[];
  readonly signed: JsonObject;
}

function readSample(path: string): readonly Sample[] {
  try {
    const { signatures, untrusted } = parseMetablock(readFileSync(path, 'utf8'));
    const signed = untrusted._type === 'layout' ? parseLayout(untrusted) : parseLink(untrusted);
    return [{ path, signatures, signed: signed as unknown as JsonObject }];
  } catch (error) {
    expect(error).toBeInstanceOf(MetablockError);
    return [];
  }
}

describe.runIf(existsSync(samples))('the signatures of the wild', () => {
  it('are good or not as in-toto itself finds them', () => {
    const paths = readdirSync(samples, { recursive: true })
      .map((name) => fileURLToPath(new URL(String(name), samples)))
      .filter((path) => /\.(link|layout|template)$|layout\.|example_link\.json$/.test(path));
    const documents = paths.flatMap(readSample);
    const alice = readFileSync(new URL('apt-transport-tests/alice.asc', samples));
    const keys: readonly (LayoutKey | JsonObject)[] = [
      readPublicKey(dearmor(alice)),
      ...documents.flatMap(
        ({ signed }) => Object.values((signed.keys as JsonObject | undefined) ?? {}) as JsonObject[],
      ),
    ];
    const asked = { paths: documents.map(({ path }) => path), keys };
    const theirs = askPython(judge, asked) as boolean[][];
    const now = systemClock.now();
    const ours = documents.map(({ signatures, signed }) =>
      keys.map((key) => {
        try {
          return judgeSignature(signatures, key, signedBytes(signed), now) === 'good';
        } catch (error) {
          expect(error).toBeInstanceOf(VerificationError);
          return false;
        }
      }),
    );
    documents.forEach(({ path }, at) => {
      expect(ours[at], path).toEqual(theirs[at]);
    });
    expect(theirs.flat().filter(Boolean).length).toBeGreaterThan(3);
  });
});
