import type { Json } from './canonical-json.ts';
import { isObject, type JsonObject, MetablockError, shortKeyId } from './metablock.ts';
import {
  type Architecture,
  type BinaryName,
  type DebVersion,
  type Fingerprint,
  type PoolFileName,
  type PublicationPath,
  parsePublicationPath,
  parseSha256,
  type Sha256,
  type SourceName,
  withoutEpoch,
} from './names.ts';

/** in-toto links of step `rebuild`: what they say, and where verifiers look for them. */

/** Hashes of an artifact. Ours hold sha256 alone, since in-toto compares the whole set of hashes. */
export type Hashes = Readonly<Record<string, string>>;
export type Artifacts = Readonly<Record<string, Hashes>>;

/** Every member of in-toto's model: one that is missing or added makes the signature fail. */
export type Link = Readonly<{
  _type: 'link';
  name: string;
  materials: Artifacts;
  products: Artifacts;
  byproducts: JsonObject;
  command: readonly Json[];
  environment: JsonObject;
}>;

/** The step's name that apt-transport-in-toto and every rebuild layout know. */
export const rebuildStep = 'rebuild';

export const maxArtifacts = 20_000;
const maxArtifactName = 4_096;

/** One binary package file that came out identical. */
export type Product = Readonly<{
  /** As the pool has it, without an epoch. */
  name: PoolFileName;
  package: BinaryName;
  version: DebVersion;
  architecture: Architecture;
  sha256: Sha256;
}>;

/**
 * The names under which a file stands in a link: the pool's, and the one that apt gives it on disk, which holds the
 * epoch as `%3a` (facts: apt-transport-in-toto §3, §6). Equal for nearly every file without an epoch. An RPM has one
 * name everywhere.
 */
export function productNames(product: Omit<Product, 'sha256'>): readonly string[] {
  if (product.name.endsWith('.rpm')) return [product.name];
  const extension = /\.[a-z]+$/.exec(product.name)?.[0] ?? '.deb';
  return [...new Set<string>([product.name, nameOnDisk(product, extension)])].sort();
}

/** The name that apt gives a package file on disk, by what its control file says. */
export function nameOnDisk(
  of: Readonly<{ package: BinaryName; version: DebVersion; architecture: Architecture }>,
  extension = '.deb',
): string {
  return [of.package, of.version, of.architecture].map(quoteForApt).join('_') + extension;
}

/** The link of step `rebuild` whose products are exactly these files. */
export function rebuildLink(products: readonly Product[]): Link {
  const entries = products.flatMap((product) =>
    productNames(product).map((name): [string, Hashes] => [name, { sha256: product.sha256 }]),
  );
  return linkOf(Object.fromEntries(entries));
}

/** The link of step `rebuild` with these products; thresholds compare neither `environment` nor what else is free. */
export function linkOf(products: Artifacts, environment: JsonObject = {}): Link {
  return {
    _type: 'link',
    name: rebuildStep,
    materials: {},
    products,
    byproducts: {},
    command: [],
    environment,
  };
}

/**
 * Reads the signed part of a link as in-toto's model does: members it does not know are dropped, missing ones get
 * their defaults (facts: in-toto §2).
 *
 * @throws MetablockError
 */
export function parseLink(untrusted: JsonObject): Link {
  if (untrusted._type !== 'link') throw new MetablockError('unknown-kind', '_type: expected "link"');
  const { name, materials = {}, products = {}, byproducts = {}, command = [], environment = {} } = untrusted;
  if (typeof name !== 'string') throw new MetablockError('malformed', 'name: expected a text');
  if (!isObject(byproducts)) throw new MetablockError('malformed', 'byproducts: expected an object');
  if (!isObject(environment)) throw new MetablockError('malformed', 'environment: expected an object');
  if (!Array.isArray(command)) throw new MetablockError('malformed', 'command: expected a list');
  return {
    _type: 'link',
    name,
    materials: parseArtifacts(materials, 'materials'),
    products: parseArtifacts(products, 'products'),
    byproducts,
    command,
    environment,
  };
}

/** `NAME_VERSION_ARCHITECTURE.deb` and `NAME-VERSION-RELEASE.ARCHITECTURE.rpm`: package, version, architecture. */
const debName = /^([a-z0-9][a-z0-9+.-]+)_([0-9A-Za-z][0-9A-Za-z.+~%-]*)_([a-z0-9-]+)\.u?deb$/;
const rpmName =
  /^([0-9A-Za-z][0-9A-Za-z.+_-]*)-([0-9A-Za-z][0-9A-Za-z.+~^_]*-[0-9A-Za-z][0-9A-Za-z.+~^_]*)\.([a-z0-9_]+)\.rpm$/;

/** A product of an earlier link of ours: its hash, and the package file that its name stands for. */
export type EarlierProduct = Readonly<{
  name: string;
  package: string;
  version: string;
  architecture: string;
  sha256: Sha256;
}>;

/**
 * The products of a link, if each is a binary package file with a sha256 and nothing else; undefined if any is not.
 * `version` is written as in the name: without an epoch in the pool's names, with it in apt's.
 */
export function packageProducts(link: Link): readonly EarlierProduct[] | undefined {
  const products: EarlierProduct[] = [];
  for (const [name, hashes] of Object.entries(link.products)) {
    const match = debName.exec(name) ?? rpmName.exec(name);
    const sha256 = hashes.sha256;
    if (match === null || sha256 === undefined || Object.keys(hashes).length !== 1) return undefined;
    if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined;
    const [, binary = '', version = '', architecture = ''] = match;
    products.push({
      name,
      package: binary,
      version: version.replace('%3a', ':'),
      architecture,
      sha256: parseSha256(sha256),
    });
  }
  return products;
}

/** `FOLDER/sources/BINARY/VERSION/metadata`, the epoch as a literal colon: what apt's transport asks for. */
export function metadataPath(folder: string, binary: BinaryName, version: DebVersion): PublicationPath {
  return parsePublicationPath(`${folder}/${metadataWithin(binary, version)}`);
}

/** The same below a rebuilder's own folder, which is what apt's `Rebuilders` names. */
export function metadataWithin(binary: BinaryName, version: DebVersion): PublicationPath {
  return parsePublicationPath(`sources/${binary}/${version}/metadata`);
}

/** Where upstream keeps what concerns one source version, its epoch left out: never a `metadata` of ours. */
export function sourceFolder(folder: string, source: SourceName, version: DebVersion): PublicationPath {
  return parsePublicationPath(`${folder}/sources/${source}/${withoutEpoch(version)}`);
}

/** Upstream's link of one build: `rebuild.KEYID8.ARCH.link`. */
export function buildLinkName(keyid: string, architecture: Architecture): string {
  return `${rebuildStep}.${shortKeyId(keyid)}.${architecture}.link`;
}

/** Upstream's link of all builds of one version: `rebuild.KEYID8.link`, the name in-toto itself looks for. */
export function mergedLinkName(keyid: string): string {
  return `${rebuildStep}.${shortKeyId(keyid)}.link`;
}

/**
 * The folder of a link that has one of upstream's names, and the architecture that its build is named by, null if it is
 * of all builds of the version; undefined for any other path.
 */
export function parseLinkPath(
  path: string,
): Readonly<{ folder: string; architecture: string | null }> | undefined {
  const match = /^(.+)\/rebuild\.[0-9a-f]{8}(?:\.([a-z0-9-]+))?\.link$/.exec(path);
  return match === null ? undefined : { folder: match[1] ?? '', architecture: match[2] ?? null };
}

/** Whether a published path is that of a link of all builds of one version. */
export function isMergedLink(path: string): boolean {
  return parseLinkPath(path)?.architecture === null;
}

/** Upstream's place for a public key. */
export function publicKeyPath(folder: string, fingerprint: Fingerprint): PublicationPath {
  return parsePublicationPath(`${folder}/${fingerprint}.asc`);
}

/** Beside it, the public half of a key of the vault's own. */
export function vaultKeyPath(folder: string, keyid: string): PublicationPath {
  return parsePublicationPath(`${folder}/${keyid}.pem`);
}

/** apt's own quoting of the parts of a file name (apt-pkg/acquire-item.cc: `_:` and what is not plain). */
function quoteForApt(text: string): string {
  return text.replaceAll(/[_:%]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

function parseArtifacts(untrusted: Json, where: string): Artifacts {
  if (!isObject(untrusted)) throw new MetablockError('malformed', `${where}: expected an object`);
  const entries = Object.entries(untrusted);
  if (entries.length > maxArtifacts)
    throw new MetablockError('too-large', `${where}: more than ${maxArtifacts}`);
  const artifacts: Record<string, Hashes> = Object.create(null);
  for (const [name, hashes] of entries) {
    if (name.length > maxArtifactName) throw new MetablockError('malformed', `${where}: a name is too long`);
    artifacts[name] = parseHashes(hashes, `${where}[${JSON.stringify(name.slice(0, 80))}]`);
  }
  return artifacts;
}

function parseHashes(untrusted: Json | undefined, where: string): Hashes {
  if (!isObject(untrusted)) throw new MetablockError('malformed', `${where}: expected hashes`);
  for (const hash of Object.values(untrusted)) {
    if (typeof hash !== 'string' || !/^[a-fA-F0-9]+$/.test(hash)) {
      throw new MetablockError('malformed', `${where}: a hash is not hexadecimal`);
    }
  }
  return untrusted as Hashes;
}
