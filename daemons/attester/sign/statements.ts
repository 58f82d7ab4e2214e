import { canonicalBytes } from '../../lib/contracts/documents/canonical.ts';
import { formatEnvelope, payloadTypes, preAuthEncoding } from '../../lib/contracts/documents/dsse.ts';
import type { JudgedFile } from '../../lib/contracts/documents/judged-file.ts';
import { readRebuilderdLink } from '../../lib/contracts/documents/rebuilderd-link.ts';
import {
  readStatement,
  rebuildPredicateType,
  statementType,
} from '../../lib/contracts/documents/statement.ts';
import { suiteVersion } from '../../lib/daemon/version.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import type { PoolFileName, RebuilderId, Sha256 } from '../../lib/domain/names.ts';
import { layoutTime } from '../../lib/openpgp/sign.ts';
import type { FileHashes } from '../compare/examine.ts';
import type { SigningContext, ToSign, VaultSigner } from './vault-signer.ts';

/** What one verdict of a build is said of, and on what it rests. */
export interface StatementFacts {
  readonly build: BuildSpec;
  readonly verdict: 'reproducible' | 'unreproducible';
  /** Of this verdict. */
  readonly files: readonly JudgedFile[];
  /** The sha256 of the original buildinfo; null for an inferred environment. */
  readonly buildinfo: Sha256 | null;
  readonly selfHosted: boolean;
  /** The sha256 of the evidence document. */
  readonly evidence: Sha256;
  readonly rebuilderId: RebuilderId | undefined;
  /** Wall time in milliseconds. */
  readonly now: number;
}

/** A file that a build was made from, as rebuilderd's attestations name it. */
export type Material = FileHashes & Readonly<{ name: PoolFileName }>;

/**
 * The bytes of the in-toto Statement v1 of a verdict (contracts: documents/statement.ts). Of two official files of one
 * name that both differ from what was built, the first is its subject.
 */
export function composeStatement(facts: StatementFacts): Uint8Array {
  const { build, verdict, buildinfo, selfHosted, evidence, rebuilderId, now } = facts;
  const files = [...facts.files].sort(byName).filter((file, at, all) => file.name !== all[at - 1]?.name);
  const named = (hashOf: (file: JudgedFile) => Sha256 | null) =>
    files.map((file) => ({ name: file.name, digest: { sha256: hashOf(file) } }));
  const statement = {
    _type: statementType,
    subject: named((file) => file.officialSha256),
    predicateType: rebuildPredicateType,
    predicate: {
      verdict,
      build: {
        dist: build.dist,
        source: build.source,
        sourceVersion: build.sourceVersion,
        version: build.version,
        architecture: build.architecture,
        parts: build.parts,
      },
      environment: buildinfo === null ? { kind: 'inferred' } : { kind: 'buildinfo', sha256: buildinfo },
      selfHosted,
      evidence,
      rebuilder: { id: rebuilderId ?? null, version: suiteVersion },
      finishedOn: layoutTime(now),
      ...(verdict === 'reproducible' ? {} : { rebuilt: named((file) => file.rebuiltSha256) }),
    },
  };
  return checked(canonicalBytes(statement), readStatement);
}

/** The bytes of rebuilderd's link of each file, by its name. */
export function composeRebuilderdLinks(
  products: readonly Material[],
  material: Material,
): readonly Uint8Array[] {
  return products.map((product) => {
    const link = {
      _type: 'link',
      name: `rebuild ${product.name}`,
      materials: artifactOf(material),
      products: artifactOf(product),
      environment: null,
      byproducts: {},
      command: [],
    };
    return checked(canonicalBytes(link), readRebuilderdLink);
  });
}

/** A statement, and rebuilderd's link of each file, as they are published. */
export type SignedVerdict = Readonly<{ statement: Buffer; rebuilderd: Buffer }>;

/** Has all of a verdict signed in one call, as far as one call goes. */
export async function signVerdict(
  statement: Uint8Array,
  links: readonly Uint8Array[],
  signer: VaultSigner,
  context: SigningContext,
): Promise<SignedVerdict> {
  const toSign: readonly ToSign[] = [
    { document: statement, signed: preAuthEncoding(payloadTypes.statement, statement) },
    ...links.map((document) => ({ document, signed: document })),
  ];
  const [signature = '', ...signatures] = await signer.sign(toSign, context);
  return {
    statement: envelopeOf(statement, { keyid: signer.keyid, signature }),
    rebuilderd: attestationsOf(links, signer.keyid, signatures),
  };
}

/** A DSSE envelope on one line. */
function envelopeOf(document: Uint8Array, by: Parameters<typeof formatEnvelope>[2]): Buffer {
  return Buffer.from(formatEnvelope(payloadTypes.statement, document, by), 'utf8');
}

/** Rebuilderd's attestations, a line each, in the order of the links. */
function attestationsOf(links: readonly Uint8Array[], keyid: string, signatures: readonly string[]): Buffer {
  const lines = links.map((link, at) => {
    const by = JSON.stringify([{ keyid, sig: signatures[at] }]);
    // The very bytes that were signed, so that nobody has to make the canonical form again.
    return `{"signatures":${by},"signed":${Buffer.from(link).toString('utf8')}}\n`;
  });
  return Buffer.from(lines.join(''), 'utf8');
}

/** What the vault, or a reader, would refuse must not get as far. */
function checked(bytes: Uint8Array, read: (bytes: Uint8Array) => unknown): Uint8Array {
  read(bytes);
  return bytes;
}

function artifactOf({ name, sha256, sha512 }: Material) {
  return { [name]: { sha256, sha512 } };
}

function byName(a: JudgedFile, b: JudgedFile): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
