import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { manifestType } from '../../daemons/lib/contracts/documents/manifest.ts';
import {
  parseStatement,
  rebuildPredicateType,
  type Statement,
  statementType,
} from '../../daemons/lib/contracts/documents/statement.ts';
import { canonicalJson, type Json } from '../../daemons/lib/domain/canonical-json.ts';
import {
  architectures,
  counts,
  dists,
  partLists,
  poolFileNames,
  publicationPaths,
  sha256s,
  sizes,
  sourceNames,
  versions,
} from './contract-values.ts';

/** Documents that rebuilder.Sign takes, as their writers make them. */

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function bytesOf(document: unknown): Buffer {
  return Buffer.from(canonicalJson(document as Json));
}

/** Files sorted by name, each once; `rebuilt` has the same names. */
const fileLists = fc
  .uniqueArray(fc.record({ name: poolFileNames, digest: fc.record({ sha256: sha256s }) }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ name }) => name,
  })
  .map((files) => files.sort((a, b) => (a.name < b.name ? -1 : 1)));

const timestamps = fc.constantFrom('2026-11-28T05:50:00Z', '2024-02-29T23:59:59Z');

const said = {
  build: fc.record({
    dist: dists,
    source: sourceNames,
    sourceVersion: versions,
    version: versions,
    architecture: architectures,
    parts: partLists,
  }),
  selfHosted: fc.boolean(),
  evidence: fc.oneof(sha256s, fc.constant(null)),
  rebuilder: fc.record({
    id: fc.constantFrom('https://rebuild.example.org', 'https://example.org:8443/debian/amd64/', null),
    version: fc.constantFrom('0.1.0', '1.2+b1'),
  }),
  finishedOn: timestamps,
};
const fromBuildinfo = fc.record({ kind: fc.constant('buildinfo' as const), sha256: sha256s });
const inferred = fc.record({ kind: fc.constant('inferred' as const) });

const around = { _type: fc.constant(statementType), predicateType: fc.constant(rebuildPredicateType) };

const positive = fc.record({
  ...around,
  subject: fileLists,
  predicate: fc.record({
    verdict: fc.constant('reproducible' as const),
    ...said,
    environment: fc.oneof(fromBuildinfo, inferred),
  }),
});

const negative = fileLists.chain((subject) =>
  fc.record({
    ...around,
    subject: fc.constant(subject),
    predicate: fc.record({
      verdict: fc.constant('unreproducible' as const),
      ...said,
      environment: fromBuildinfo,
      rebuilt: fc.constant(
        subject.map(({ name, digest }) => ({ name, digest: { sha256: sha256Of(digest.sha256) } })),
      ),
    }),
  }),
);

export const statements = {
  reproducible: positive,
  unreproducible: negative,
  any: fc.oneof(positive, negative),
};

export const rebuilderdLinks = fc
  .record({
    product: poolFileNames,
    material: poolFileNames,
    sha256: sha256s,
    sha512: fc.stringMatching(/^[0-9a-f]{128}$/),
  })
  .map(({ product, material, ...hashes }) => ({
    _type: 'link',
    name: `rebuild ${product}`,
    materials: { [material]: hashes },
    products: { [product]: hashes },
    environment: null,
    byproducts: {},
    command: [],
  }));

const entries = fc
  .uniqueArray(fc.record({ path: publicationPaths, sha256: sha256s, size: sizes }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ path }) => path,
  })
  .map((files) => files.sort((a, b) => (a.path < b.path ? -1 : 1)));

export const manifests = fc.record({
  _type: fc.constant(manifestType),
  v: fc.constant(1),
  publication: fc.constantFrom('debian', 'qubesos', 'my-own.1'),
  counter: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constant(2 ** 50)),
  time: timestamps,
  content: fc.oneof(
    fc.record({ kind: fc.constant('files'), files: entries }),
    fc.record({ kind: fc.constant('list'), sha256: sha256s, size: sizes, count: counts }),
  ),
});

/** One of each, for tests in which what else it says does not matter. */
export function exampleStatement(verdict: 'reproducible' | 'unreproducible', version = '1.0-1'): Statement {
  const [example] = fc.sample<unknown>(statements[verdict] as fc.Arbitrary<unknown>, { numRuns: 1, seed: 1 });
  const { predicate, ...rest } = parseStatement(example);
  const build = { ...predicate.build, source: 'sed', version, architecture: 'amd64' };
  return parseStatement({ ...rest, predicate: { ...predicate, build } });
}

export function exampleManifest(counter: number, publication = 'debian', of = 'a') {
  return {
    _type: manifestType,
    v: 1,
    publication,
    counter,
    time: '2026-11-28T05:50:00Z',
    content: { kind: 'list', sha256: sha256Of(of), size: 1, count: 1 },
  };
}

export function exampleLink(product = 'sed_4.9-1_amd64.deb') {
  const hashes = { sha256: sha256Of(product), sha512: sha256Of(product).repeat(2) };
  return {
    _type: 'link',
    name: `rebuild ${product}`,
    materials: { 'sed_4.9-1_amd64.buildinfo': hashes },
    products: { [product]: hashes },
    environment: null,
    byproducts: {},
    command: [],
  };
}
