import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { originOf } from '../../../../daemons/lib/archive/lookup.ts';
import { type IndexName, LookupStore } from '../../../../daemons/lib/archive/lookup-store.ts';
import { parseRelease } from '../../../../daemons/lib/archive/release.ts';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { LocalArchive } from '../../../support/local-archive.ts';

let archive: LocalArchive;
let folder: string;
const clock = new VirtualClock();

beforeAll(() => {
  archive = new LocalArchive();
  archive.addSource({ source: 'cap', version: '1:2.0-local' });
  archive.addBinary({
    package: 'libcap',
    version: '1:2.0-local+b1',
    source: 'cap (1:2.0-local)',
    fields: {
      'Pre-Depends': 'first',
      Depends: 'libc (>= 2),\n other | third',
      Essential: 'yes',
      Provides: 'virtual (= 1)',
    },
  });
  archive.addBinary({ package: 'cap-doc', version: '7', architecture: 'all', source: 'cap (1:2.0-local)' });
  archive.addBinary({ package: 'single', version: '0.1' });
  archive.publish();
  folder = mkdtempSync(join(tmpdir(), 'lookup-'));
});
afterAll(() => {
  archive?.remove();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

function index(path: string): { name: IndexName; file: string } {
  const suite = join(archive.root, 'dists', archive.codename);
  const listed = parseRelease(readFileSync(join(suite, 'Release'))).files.get(path);
  if (listed === undefined) throw new Error(`no ${path}`);
  return { name: listed, file: join(suite, path) };
}

describe('LookupStore', () => {
  it.each(['.xz', ''])('looks up packages of a Packages%s', async (form) => {
    const { name, file } = index(`main/binary-amd64/Packages${form}`);
    const lookup = await new LookupStore(join(folder, 'packages'), { clock }).packages(
      name,
      async () => file,
    );
    expect(lookup.count).toBe(3);
    expect(lookup.binaries('libcap')).toMatchObject([
      {
        package: 'libcap',
        version: '1:2.0-local+b1',
        architecture: 'amd64',
        source: 'cap',
        sourceVersion: '1:2.0-local',
      },
    ]);
    expect(lookup.binaries('libcap', '1:2.0-local')).toEqual([]);
    expect(lookup.ofSource('cap').map((entry) => entry.package)).toEqual(['cap-doc', 'libcap']);
    expect(lookup.ofSource('cap', '1:2.0-local')).toHaveLength(2);
    expect(lookup.ofSource('ca')).toEqual([]);
    expect(lookup.ofSource('single').map(originOf)).toEqual([
      { source: 'single', sourceVersion: '0.1', version: '0.1' },
    ]);
    expect([...lookup.allBySource()]).toHaveLength(3);
    const [entry] = lookup.binaries('libcap');
    const bytes = readFileSync(join(archive.root, entry?.path ?? ''));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(entry?.sha256);
    expect(bytes).toHaveLength(entry?.size ?? 0);
  });

  it('tells which build made a binary', async () => {
    const { name, file } = index('main/binary-amd64/Packages.xz');
    const lookup = await new LookupStore(join(folder, 'packages'), { clock }).packages(
      name,
      async () => file,
    );
    expect(lookup.binaries('libcap').map(originOf)).toEqual([
      { source: 'cap', sourceVersion: '1:2.0-local', version: '1:2.0-local+b1' },
    ]);
    expect(lookup.binaries('cap-doc').map(originOf)).toEqual([
      { source: 'cap', sourceVersion: '1:2.0-local', version: '1:2.0-local' },
    ]);
  });

  it('keeps what a package needs and gives', async () => {
    const { name, file } = index('main/binary-amd64/Packages.xz');
    const lookup = await new LookupStore(join(folder, 'packages'), { clock }).packages(
      name,
      async () => file,
    );
    expect(lookup.relations('libcap', '1:2.0-local+b1', 'amd64')).toEqual({
      essential: true,
      depends: 'first, libc (>= 2), other | third',
      provides: 'virtual (= 1)',
    });
    expect(lookup.relations('libcap', '0', 'amd64')).toBeUndefined();
  });

  it('looks up the files of a source', async () => {
    const { name, file } = index('main/source/Sources.xz');
    const lookup = await new LookupStore(join(folder, 'sources'), { clock }).sources(name, async () => file);
    const files = lookup.files('cap', '1:2.0-local');
    expect(files.map((found) => found.name)).toEqual([
      'cap_2.0-local.debian.tar.xz',
      'cap_2.0-local.dsc',
      'cap_2.0.orig.tar.gz',
    ]);
    for (const found of files) {
      const bytes = readFileSync(join(archive.root, found.directory, found.name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(found.sha256);
    }
    expect(lookup.versions('cap')).toEqual(['1:2.0-local']);
    expect(lookup.files('cap', '2')).toEqual([]);
  });

  it('reads an index once, and its tables afterwards', async () => {
    const { name, file } = index('main/binary-amd64/Packages.xz');
    const kept = join(folder, 'once');
    await new LookupStore(kept, { clock }).packages(name, async () => file);
    const again = await new LookupStore(kept, { clock }).packages(name, async () => {
      throw new Error('asked for the index again');
    });
    expect(again.count).toBe(3);
  });

  it('refuses an index that does not match its hash, and leaves nothing of it', async () => {
    const { name, file } = index('main/binary-amd64/Packages.xz');
    const changed = join(folder, 'changed');
    const bytes = readFileSync(file);
    bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
    writeFileSync(changed, bytes);
    const kept = join(folder, 'refused');
    const store = new LookupStore(kept, { clock });
    await expect(store.packages(name, async () => changed)).rejects.toMatchObject({ code: 'hash-mismatch' });
    expect(() => readdirSync(kept)).toThrow('ENOENT');
    expect((await store.packages(name, async () => file)).count).toBe(3);
  });

  it('refuses an index that its own hash vouches for but that is no packed file', async () => {
    const file = join(folder, 'junk');
    writeFileSync(file, 'junk');
    const sha256 = createHash('sha256').update('junk').digest('hex') as IndexName['sha256'];
    const store = new LookupStore(join(folder, 'junk-tables'), { clock });
    const reading = store.packages(
      { path: 'main/binary-amd64/Packages.xz', sha256, size: 4 },
      async () => file,
    );
    await expect(reading).rejects.toMatchObject({ code: 'malformed' });
  });
});
