import { fieldLines } from './deb822.ts';
import { ArchiveError } from './errors.ts';
import { scanIndex } from './scan.ts';
import { TableBuilder } from './table.ts';

/** Makes the rows of the lookup tables. A stanza without what its row needs, or of another alphabet, makes no row. */

export const maxIndexStanzas = 2_000_000;

export type PackagesTables = Readonly<{
  /** package, version, architecture, source, source version, sha256, size, path */
  byBinary: TableBuilder;
  /** source, source version, package, version, architecture */
  bySource: TableBuilder;
  /** package, version, architecture, `essential` or nothing, depends, provides */
  relations: TableBuilder;
}>;

const packageFields = [
  'Package',
  'Version',
  'Architecture',
  'Source',
  'SHA256',
  'Size',
  'Filename',
  'Essential',
  'Pre-Depends',
  'Depends',
  'Provides',
] as const;

const versionPattern = '(?:\\d{1,9}:[0-9A-Za-z][0-9A-Za-z.+~:-]{0,254}|[0-9A-Za-z][0-9A-Za-z.+~-]{0,254})';
const namePattern = '[a-z0-9][a-z0-9+.-]{1,254}';
const pathPattern = '[0-9A-Za-z][0-9A-Za-z+._~%-]{0,254}(?:/[0-9A-Za-z][0-9A-Za-z+._~%-]{0,254})*';
/** The alphabets of lib/domain/names.ts, all of a row at once. */
const packageRow = new RegExp(
  `^${namePattern}\\t${versionPattern}\\t[a-z0-9][a-z0-9-]{0,30}\\t${namePattern}\\t${versionPattern}\\t[0-9a-f]{64}\\t\\d{1,13}\\t${pathPattern}$`,
);
const sourceRow = new RegExp(
  `^${namePattern}\\t${versionPattern}\\t[0-9A-Za-z][0-9A-Za-z.+~_%-]{0,254}\\t[0-9a-f]{64}\\t\\d{1,13}\\t${pathPattern}$`,
);

/** The tables of a Packages index. */
export async function packagesTables(bytes: AsyncIterable<Buffer>): Promise<PackagesTables> {
  const tables = {
    byBinary: new TableBuilder(),
    bySource: new TableBuilder(),
    relations: new TableBuilder(),
  };
  const counted = stanzaCounter();
  await scanIndex(bytes, packageFields, (values) => {
    counted();
    const [name = '', version = '', architecture = '', sourceField = '', sha256 = '', size = '', path = ''] =
      values;
    const [source, sourceVersion] = sourceOf(sourceField, name, version);
    const build = `${source}\t${sourceVersion}`;
    const id = `${name}\t${version}\t${architecture}`;
    const row = `${id}\t${build}\t${sha256}\t${size}\t${path}`;
    if (!packageRow.test(row)) return;
    tables.byBinary.add(row);
    tables.bySource.add(`${build}\t${id}`);
    const [, , , , , , , essential = '', preDepends = '', depends = '', provides = ''] = values;
    const needs = [preDepends, depends].filter((text) => text !== '').join(', ');
    tables.relations.add(
      `${id}\t${essential === 'yes' ? 'essential' : ''}\t${oneLine(needs)}\t${oneLine(provides)}`,
    );
  });
  return tables;
}

/** The table of a Sources index: source, version, file, sha256, size, directory. */
export async function sourcesTable(bytes: AsyncIterable<Buffer>): Promise<TableBuilder> {
  const table = new TableBuilder();
  const counted = stanzaCounter();
  await scanIndex(bytes, ['Package', 'Version', 'Directory', 'Checksums-Sha256'], (values) => {
    counted();
    const [source = '', version = '', directory = '', checksums = ''] = values;
    for (const line of fieldLines(checksums)) {
      const [sha256 = '', size = '', name = ''] = line.split(/\s+/);
      const row = `${source}\t${version}\t${name}\t${sha256}\t${size}\t${directory}`;
      if (sourceRow.test(row)) table.add(row);
    }
  });
  return table;
}

/** `Source: name (version)`; without the field a package's source is itself, without the version the same one. */
function sourceOf(field: string, name: string, version: string): readonly [string, string] {
  if (field === '') return [name, version];
  const open = field.indexOf('(');
  if (open < 0) return [field, version];
  return [field.slice(0, open).trim(), field.slice(open + 1, field.lastIndexOf(')')).trim()];
}

/** Relations hold any text in principle; a tab or a newline would end the field or the row. */
function oneLine(text: string): string {
  return /[\t\n]/.test(text) ? text.replace(/[\s]+/g, ' ') : text;
}

function stanzaCounter(): () => void {
  let count = 0;
  return () => {
    count += 1;
    if (count > maxIndexStanzas) throw new ArchiveError('too-large', 'the index holds too many stanzas');
  };
}
