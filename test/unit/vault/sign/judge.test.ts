import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContractError } from '../../../../daemons/lib/contracts/contract.ts';
import { signKinds } from '../../../../daemons/lib/contracts/sign.ts';
import { judge, WrongKind } from '../../../../daemons/vault/sign/judge.ts';
import {
  bytesOf,
  exampleLink,
  manifests,
  rebuilderdLinks,
  statements,
} from '../../../support/sign-documents.ts';

const pae = (type: string, body: Buffer) => `DSSEv1 ${type.length} ${type} ${body.length} ${body}`;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('a document to be signed', () => {
  it('is a statement of the very verdict, inside its envelope', () => {
    for (const kind of ['reproducible', 'unreproducible'] as const) {
      const other = kind === 'reproducible' ? 'unreproducible' : 'reproducible';
      fc.assert(
        fc.property(statements[kind] as fc.Arbitrary<unknown>, (statement) => {
          const bytes = bytesOf(statement);
          expect(text(judge(bytes, kind).signed)).toBe(pae('application/vnd.in-toto+json', bytes));
          expect(() => judge(bytes, other)).toThrow(WrongKind);
          expect(() => judge(bytes, 'manifest')).toThrow(ContractError);
        }),
        { numRuns: 30 },
      );
    }
  });

  it("is a link of rebuilderd's for what is reproducible, as it stands, and for nothing else", () => {
    fc.assert(
      fc.property(rebuilderdLinks, (link) => {
        const bytes = bytesOf(link);
        expect(text(judge(bytes, 'reproducible').signed)).toBe(bytes.toString());
        expect(() => judge(bytes, 'unreproducible')).toThrow(WrongKind);
        expect(() => judge(bytes, 'manifest')).toThrow(ContractError);
      }),
      { numRuns: 30 },
    );
  });

  it('is a manifest, which is no verdict', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const bytes = bytesOf(manifest);
        const { signed, counted } = judge(bytes, 'manifest');
        expect(text(signed)).toBe(pae('application/vnd.package-rebuilder.manifest+json', bytes));
        expect(counted).toEqual({ publication: manifest.publication, counter: manifest.counter });
        for (const kind of ['reproducible', 'unreproducible'] as const) {
          expect(() => judge(bytes, kind)).toThrow(ContractError);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is named by one word, whatever it holds', () => {
    const documents = [
      [statements.reproducible, 'reproducible'],
      [statements.unreproducible, 'unreproducible'],
      [rebuilderdLinks, 'reproducible'],
      [manifests, 'manifest'],
    ] as const;
    for (const [valid, kind] of documents) {
      fc.assert(
        fc.property(valid as fc.Arbitrary<unknown>, (document) => {
          expect(judge(bytesOf(document), kind).subject).toMatch(/^[!-<>-~]{1,600}$/);
        }),
        { numRuns: 30 },
      );
    }
  });

  it('is nothing else that in-toto or anybody signs', () => {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const inTotoLink = { ...exampleLink(), name: 'rebuild', environment: {} };
    for (const kind of signKinds) {
      for (const wrong of [
        bytesOf(inTotoLink),
        bytesOf({ ...exampleLink(), _type: 'layout' }),
        bytesOf({}),
        Buffer.from(pem),
        Buffer.alloc(0),
      ]) {
        expect(() => judge(wrong, kind), wrong.toString().slice(0, 40)).toThrow(ContractError);
      }
    }
  });
});
