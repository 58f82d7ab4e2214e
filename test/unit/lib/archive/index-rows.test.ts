import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArchiveError } from '../../../../daemons/lib/archive/errors.ts';
import { packagesTables, sourcesTable } from '../../../../daemons/lib/archive/index-rows.ts';
import { SortedTable, type TableBuilder } from '../../../../daemons/lib/archive/table.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parsePoolFileName,
  parseSha256,
  parseSourceName,
} from '../../../../daemons/lib/domain/names.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rows-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text, 'latin1');
}

async function rowsOf(table: TableBuilder): Promise<readonly (readonly string[])[]> {
  const path = join(folder, 'table');
  await table.write(path, 'test');
  return [...((await SortedTable.open(path, 'test'))?.rows() ?? [])];
}

const hash = 'ab'.repeat(32);
const good = {
  Package: 'libcap2',
  Version: '1:2.66-4+deb12u1+b2',
  Architecture: 'amd64',
  Source: 'libcap2 (1:2.66-4+deb12u1)',
  SHA256: hash,
  Size: '25176',
  Filename: 'pool/main/libc/libcap2/libcap2_2.66-4+deb12u1+b2_amd64.deb',
};
const stanza = (fields: Readonly<Record<string, string>>) =>
  `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n`;

/** What has misled readers before, in any field. */
const odd = fc.oneof(
  fc.constantFrom(
    '',
    '..',
    '../x',
    'a/../b',
    'a\tb',
    'a\n b',
    'a\0',
    ' ',
    '1:',
    'a:1',
    '(',
    ')',
    'x'.repeat(300),
    '-1',
  ),
  fc.stringMatching(/^[a-z0-9A-Z.:~+/%_() -]{1,20}$/),
  fc.string({ maxLength: 10 }),
);
const changed = <T extends Readonly<Record<string, string>>>(fields: T) =>
  fc
    .array(fc.tuple(fc.constantFrom(...Object.keys(fields)), odd), { maxLength: 2 })
    .map((changes) => ({ ...fields, ...Object.fromEntries(changes) }));

describe('the rows of a Packages index', () => {
  it('name the build and the file of each package', async () => {
    const tables = await packagesTables(bytesOf(stanza({ ...good, Depends: 'libc6,\n perl' })));
    const id = [good.Package, good.Version, good.Architecture];
    const build = ['libcap2', '1:2.66-4+deb12u1'];
    expect(await rowsOf(tables.byBinary)).toEqual([[...id, ...build, hash, good.Size, good.Filename]]);
    expect(await rowsOf(tables.bySource)).toEqual([[...build, ...id]]);
    expect(await rowsOf(tables.relations)).toEqual([[...id, '', 'libc6, perl', '']]);
  });

  it('hold nothing that the parsers of names refuse, whatever a stanza holds', async () => {
    let made = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(changed(good), { minLength: 1, maxLength: 4 }), async (stanzas) => {
        const tables = await packagesTables(bytesOf(stanzas.map(stanza).join('\n'))).catch(
          (error: unknown) => {
            expect(error).toBeInstanceOf(ArchiveError);
          },
        );
        if (tables === undefined) return;
        const rows = await rowsOf(tables.byBinary);
        for (const [
          name,
          version,
          architecture,
          source,
          sourceVersion,
          sha256,
          size,
          path,
          ...rest
        ] of rows) {
          parseBinaryName(name);
          parseDebVersion(version);
          parseArchitecture(architecture);
          parseSourceName(source);
          parseDebVersion(sourceVersion);
          parseSha256(sha256);
          expect(Number.isSafeInteger(Number(size))).toBe(true);
          for (const segment of (path ?? '').split('/')) expect(segment).not.toBe('..');
          parsePoolFileName(path?.split('/').at(-1));
          expect(rest).toEqual([]);
        }
        expect((await rowsOf(tables.bySource)).length).toBe(rows.length);
        for (const row of await rowsOf(tables.relations)) expect(row).toHaveLength(6);
        made += rows.length;
      }),
      { numRuns: 30 },
    );
    expect(made).toBeGreaterThan(0);
  });
});

describe('the rows of a Sources index', () => {
  const source = { Package: 'libcap2', Version: '1:2.66-4', Directory: 'pool/main/libc/libcap2' };
  const withFiles = (fields: Readonly<Record<string, string>>, files: readonly string[]) =>
    `${stanza(fields)}Checksums-Sha256:\n${files.map((line) => ` ${line}\n`).join('')}`;

  it('name each file of each source', async () => {
    const text = withFiles(source, [`${hash} 12 libcap2_2.66-4.dsc`, `${hash} 9 libcap2_2.66.orig.tar.xz`]);
    expect(await rowsOf(await sourcesTable(bytesOf(text)))).toEqual([
      ['libcap2', '1:2.66-4', 'libcap2_2.66-4.dsc', hash, '12', source.Directory],
      ['libcap2', '1:2.66-4', 'libcap2_2.66.orig.tar.xz', hash, '9', source.Directory],
    ]);
  });

  it('hold nothing that the parsers of names refuse, whatever a stanza holds', async () => {
    let made = 0;
    const line = fc.oneof(
      fc
        .tuple(fc.constantFrom(hash, 'ab'), fc.constantFrom('12', '-1', 'x'), odd)
        .map((parts) => parts.join(' ')),
      fc.constant(`${hash} 12 libcap2_2.66-4.dsc`),
    );
    await fc.assert(
      fc.asyncProperty(changed(source), fc.array(line, { maxLength: 3 }), async (fields, lines) => {
        for (const row of await rowsOf(await sourcesTable(bytesOf(withFiles(fields, lines))))) {
          const [name, version, file, sha256, size, directory = '', ...rest] = row;
          parseSourceName(name);
          parseDebVersion(version);
          parsePoolFileName(file);
          parseSha256(sha256);
          expect(Number.isSafeInteger(Number(size))).toBe(true);
          for (const segment of directory.split('/')) expect(segment).toMatch(/^[0-9A-Za-z]/);
          expect(rest).toEqual([]);
          made += 1;
        }
      }),
      { numRuns: 30 },
    );
    expect(made).toBeGreaterThan(0);
  });
});
