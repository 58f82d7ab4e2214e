import { readObject } from '../../lib/contracts/documents/canonical.ts';
import { payloadTypes, preAuthEncoding } from '../../lib/contracts/documents/dsse.ts';
import { type Manifest, readManifest } from '../../lib/contracts/documents/manifest.ts';
import { readRebuilderdLink } from '../../lib/contracts/documents/rebuilderd-link.ts';
import { readStatement, type Statement } from '../../lib/contracts/documents/statement.ts';
import { maxSignedBytes, type SignKind } from '../../lib/contracts/sign.ts';

/** A document that is well made and not of the kind that was asked for. */
export class WrongKind extends Error {
  override readonly name = 'WrongKind';
  readonly code = 'wrong-kind';
}

/** What may be signed. */
export type Signable = Readonly<{
  /** What the log says that it is about, in one word. */
  subject: string;
  /** What a verifier checks the signature against. */
  signed: Uint8Array;
  counted?: Pick<Manifest, 'publication' | 'counter'>;
}>;

/**
 * Reads a document and holds it against the kind: a verdict is a Statement, or rebuilderd's link if it is
 * `reproducible`; a manifest is a Manifest. The caller's word for it counts nothing.
 *
 * @throws ContractError for what is malformed or not canonical, WrongKind
 */
export function judge(untrusted: Uint8Array, kind: SignKind): Signable {
  if (kind === 'manifest') return manifestOf(untrusted);
  const { _type: type } = readObject(untrusted, maxSignedBytes, 'document');
  return type === 'link' ? linkOf(untrusted, kind) : statementOf(untrusted, kind);
}

function statementOf(untrusted: Uint8Array, kind: SignKind): Signable {
  const statement = readStatement(untrusted);
  const { verdict } = statement.predicate;
  if (verdict !== kind) throw new WrongKind(`the statement says ${verdict}, not ${kind}`);
  return { subject: buildOf(statement), signed: preAuthEncoding(payloadTypes.statement, untrusted) };
}

function linkOf(untrusted: Uint8Array, kind: SignKind): Signable {
  const link = readRebuilderdLink(untrusted);
  if (kind !== 'reproducible') throw new WrongKind(`a link of rebuilderd's says reproducible, not ${kind}`);
  return { subject: String(Object.keys(link.products)[0]), signed: untrusted };
}

function manifestOf(untrusted: Uint8Array): Signable {
  const { publication, counter } = readManifest(untrusted);
  return {
    subject: `${publication}#${counter}`,
    signed: preAuthEncoding(payloadTypes.manifest, untrusted),
    counted: { publication, counter },
  };
}

function buildOf({ subject, predicate: { build } }: Statement): string {
  return `${build.source}_${build.version}_${build.architecture}(${subject.length})`;
}
