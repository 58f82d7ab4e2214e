import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContractError } from '../../../../../daemons/lib/contracts/contract.ts';
import { canonicalBytes } from '../../../../../daemons/lib/contracts/documents/canonical.ts';
import {
  formatEnvelope,
  payloadTypes,
  preAuthEncoding,
} from '../../../../../daemons/lib/contracts/documents/dsse.ts';
import {
  maxManifestBytes,
  parseManifest,
  readManifest,
} from '../../../../../daemons/lib/contracts/documents/manifest.ts';
import {
  parseRebuilderdLink,
  readRebuilderdLink,
} from '../../../../../daemons/lib/contracts/documents/rebuilderd-link.ts';
import { parseStatement, readStatement } from '../../../../../daemons/lib/contracts/documents/statement.ts';
import { describeParser } from '../../../../support/parser-laws.ts';
import {
  bytesOf,
  exampleLink,
  exampleManifest,
  exampleStatement,
  manifests,
  rebuilderdLinks,
  statements,
} from '../../../../support/sign-documents.ts';

describeParser({
  what: 'a statement',
  parse: parseStatement,
  valid: statements.any,
  nullable: ['predicate.evidence', 'predicate.rebuilder.id'],
  lists: { subject: 4_000, rebuilt: 4_000, parts: 2 },
});

describeParser({
  what: "a link of rebuilderd's",
  parse: parseRebuilderdLink,
  valid: rebuilderdLinks,
  // Two words, and all of it follows from the product: the tests below.
  opaque: ['name'],
  lists: { command: 0 },
});

describeParser({
  what: 'a manifest',
  parse: parseManifest,
  valid: manifests,
  lists: { 'content.files': 5_000 },
});

it('stand in an envelope on one line, whose signature is in base64', () => {
  const body = bytesOf(exampleStatement('reproducible'));
  const by = { keyid: 'ab'.repeat(32), signature: 'ff00'.repeat(32) };
  const line = formatEnvelope(payloadTypes.statement, body, by);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  const { payload, ...rest } = JSON.parse(line);
  expect(Buffer.from(payload, 'base64').equals(body)).toBe(true);
  const sig = Buffer.from(by.signature, 'hex').toString('base64');
  expect(rest).toEqual({
    payloadType: 'application/vnd.in-toto+json',
    signatures: [{ keyid: by.keyid, sig }],
  });
});

const readers = [
  ['statement', readStatement, statements.any],
  ['rebuilderd link', readRebuilderdLink, rebuilderdLinks],
  ['manifest', readManifest, manifests],
] as const;

describe.each(readers)('the bytes of a %s', (_what, read, valid: fc.Arbitrary<object>) => {
  it('are read if they are the canonical JSON of itself, and give them back', () => {
    fc.assert(
      fc.property(valid, (document) => {
        const bytes = bytesOf(document);
        expect(Buffer.from(canonicalBytes(read(bytes))).equals(bytes)).toBe(true);
      }),
    );
  });

  it('are refused in any other spelling of the same document', () => {
    fc.assert(
      fc.property(valid, fc.nat(), (document, at) => {
        const text = bytesOf(document).toString();
        const [member = ''] = /"[a-z_]+":(?=[^,{}[\]]*[,}])[^,{}[\]]*/i.exec(text) ?? [];
        const place = at % text.length;
        for (const other of [
          ` ${text}`,
          `${text}\n`,
          `\ufeff${text}`,
          JSON.stringify(document, null, 1),
          text.replace('{', `{${member},`),
          text.replace(
            /"(?=[a-z_])/i,
            () => `"\\u00${text[text.search(/"[a-z_]/i) + 1]?.charCodeAt(0).toString(16)}`,
          ),
          text.replace(/"([a-z_])/i, (_, first) => `"\\u00${first.charCodeAt(0).toString(16)}`),
          text.replace(/([:,])/, '$1 '),
        ]) {
          if (other !== text)
            expect(() => read(Buffer.from(other)), other.slice(0, 60)).toThrow(ContractError);
        }
        expect(() => read(Buffer.from(text.slice(0, place)))).toThrow(ContractError);
      }),
      { numRuns: 50 },
    );
  });

  it('are refused with their members in another order', () => {
    fc.assert(
      fc.property(valid, (document) => {
        const sorted = Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1));
        const reversed = JSON.stringify(Object.fromEntries(sorted.reverse()));
        expect(() => read(Buffer.from(reversed))).toThrow(ContractError);
      }),
      { numRuns: 20 },
    );
  });

  it('of any kind give a document or a ContractError', () => {
    const changed = fc
      .tuple(valid, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 3 }), fc.nat(3))
      .map(([document, at, bytes, gone]) => {
        const whole = bytesOf(document);
        const place = at % whole.length;
        return Buffer.concat([whole.subarray(0, place), bytes, whole.subarray(place + gone)]);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), changed), (bytes) => {
        try {
          expect(Buffer.from(canonicalBytes(read(bytes))).equals(bytes)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ContractError);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('are refused when nested without end', () => {
    expect(() => read(Buffer.from('{"a":'.repeat(100_000)))).toThrow(ContractError);
    expect(() => read(Buffer.from('['.repeat(100_000)))).toThrow(ContractError);
  });
});

describe('a statement', () => {
  it('has its files sorted, each once', () => {
    const { subject, ...rest } = exampleStatement('reproducible');
    const [first] = subject;
    const other = { name: '0', digest: { sha256: 'a'.repeat(64) } };
    expect(() => readStatement(bytesOf({ ...rest, subject: [first, first] }))).toThrow('sorted by name');
    expect(() =>
      readStatement(
        bytesOf({
          ...rest,
          subject: [
            { ...other, name: 'b' },
            { ...other, name: 'a' },
          ],
        }),
      ),
    ).toThrow('sorted by name');
  });

  it('of an unreproducible build names what came instead of each file, which is not the same', () => {
    const statement = exampleStatement('unreproducible');
    const { predicate, subject } = statement;
    const [file] = subject;
    for (const rebuilt of [
      subject,
      [...subject, { name: 'zz', digest: { sha256: 'a'.repeat(64) } }],
      subject.map(({ digest }) => ({
        name: 'another',
        digest: { sha256: [...digest.sha256].reverse().join('') },
      })),
    ]) {
      expect(file).toBeDefined();
      expect(() => readStatement(bytesOf({ ...statement, predicate: { ...predicate, rebuilt } }))).toThrow(
        'expected each file of the subject, with another sha256',
      );
    }
  });

  it('cannot say unreproducible of an inferred environment, nor reproducible with another file beside it', () => {
    const wrong = exampleStatement('unreproducible');
    const inferred = { ...wrong.predicate, environment: { kind: 'inferred' } };
    expect(() => readStatement(bytesOf({ ...wrong, predicate: inferred }))).toThrow('environment.kind');
    const claimed = { ...wrong.predicate, verdict: 'reproducible' };
    expect(() => readStatement(bytesOf({ ...wrong, predicate: claimed }))).toThrow('rebuilt');
  });
});

describe("a link of rebuilderd's", () => {
  it('is named after its one product', () => {
    const link = exampleLink();
    const [hashes] = Object.values(link.products);
    for (const wrong of [
      { ...link, name: 'rebuild another_1_all.deb' },
      { ...link, name: 'rebuild' },
      { ...link, products: { ...link.products, 'b_1_all.deb': hashes } },
      { ...link, products: {} },
      { ...link, environment: {} },
    ]) {
      expect(() => readRebuilderdLink(bytesOf(wrong))).toThrow(ContractError);
    }
  });

  it('holds no backslash, so that both readings of one give the same bytes', () => {
    for (const product of ['a\\n_1_all.deb', 'a\n_1_all.deb', '../a.deb', 'a"b.deb']) {
      expect(() => readRebuilderdLink(bytesOf(exampleLink(product)))).toThrow(ContractError);
    }
  });
});

describe('a manifest', () => {
  it('has its files sorted by path, each once', () => {
    const files = ['b', 'a'].map((path) => ({ path, sha256: 'a'.repeat(64), size: 1 }));
    const manifest = { ...exampleManifest(1), content: { kind: 'files', files } };
    expect(() => readManifest(bytesOf(manifest))).toThrow('sorted by path');
    const sorted = { ...manifest, content: { kind: 'files', files: files.reverse() } };
    expect(readManifest(bytesOf(sorted)).content).toEqual(sorted.content);
  });

  it('is no larger than its cap', () => {
    expect(() => readManifest(Buffer.alloc(maxManifestBytes + 1, ' '))).toThrow(
      `larger than ${maxManifestBytes} bytes`,
    );
  });
});

describe("what an envelope's signature covers", () => {
  it("is the specification's example", () => {
    expect(
      Buffer.from(preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'))).toString(),
    ).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });
});
