import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergedLinkName } from '../../../daemons/lib/domain/link.ts';
import type { VerifyReport } from '../../../daemons/rebuilderctl/verify/report.ts';
import { ArchiveServer } from '../../support/archive-server.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { bothInTotos } from '../../support/in-toto/programs.ts';
import { rebuilderctl } from '../../support/rebuilderctl.ts';
import { Fixture, poolNames } from '../attester/fixture.ts';

/** apt's own name of the package with an epoch. */
const onDisk = { [poolNames.any]: 'foo_1%3a1.0-1_amd64.deb', [poolNames.all]: poolNames.all } as const;

describe('rebuilderctl verify, of what our attester published', () => {
  let fixture: Fixture;
  let owner: GnuPg;
  let ownerKey: string;
  let folder: string;
  let layout: string;
  let tree: string;
  let server: ArchiveServer;

  beforeAll(async () => {
    fixture = await Fixture.open();
    owner = openGnuPg();
    ownerKey = owner.makeKey('Layout owner', 'rsa3072', 'sign', '1y');
    folder = mkdtempSync(join(tmpdir(), 'verify-'));
    layout = join(folder, 'root.layout');
    const rebuilder = join(fixture.keysFolder, `${fixture.reproducible}.asc`);
    const made = await rebuilderctl([
      ...['layout', 'init', '--rebuilder-key', rebuilder, '--expires', '1y', '-o', layout],
      ...['--owner-key', ownerKey, '--gpg-home', owner.home],
    ]);
    expect(made).toMatchObject({ exitCode: 0 });
    tree = join(folder, 'published');
    for (const [path, content] of fixture.published(await fixture.attest({ parts: ['any', 'all'] }))) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), content);
    }
    server = await ArchiveServer.start(tree);
  });
  afterAll(async () => {
    await server.close();
    fixture.close();
    owner.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  function deb(name: keyof typeof onDisk, content = fixture.official(name)): string {
    const file = join(mkdtempSync(join(folder, 'deb-')), name);
    writeFileSync(file, content);
    return file;
  }

  async function verify(file: string, root = layout): Promise<VerifyReport & { exit: number }> {
    const { stdout, exitCode } = await rebuilderctl([
      ...['verify', file, '--layout', root, '--publication', `${server.url}/debian/`],
      ...['--owner-key', ownerKey, '--gpg-home', owner.home, '--json'],
    ]);
    return { ...(JSON.parse(stdout) as VerifyReport), exit: exitCode };
  }

  /** What in-toto's own program says of the file under apt's name, beside the link that is served for it. */
  function theirs(
    file: string,
    name: keyof typeof onDisk,
    metadata: string,
    root = layout,
  ): readonly string[] {
    const link = readFileSync(join(tree, 'debian/sources', metadata));
    const { signatures } = JSON.parse(link.toString()) as { signatures: { keyid: string }[] };
    return bothInTotos().map((inToto) => {
      const work = mkdtempSync(join(folder, 'theirs-'));
      writeFileSync(join(work, mergedLinkName(signatures[0]?.keyid ?? '')), link);
      writeFileSync(join(work, onDisk[name]), readFileSync(file));
      return inToto.run('verify', ['-l', root, '-g', ownerKey, '--gpg-home', owner.home], work);
    });
  }

  const cases = [
    [poolNames.any, 'foo/1:1.0-1/metadata'],
    [poolNames.all, 'foo-data/5/metadata'],
  ] as const;

  it('accepts each package over http, as in-toto does', async () => {
    for (const [name, metadata] of cases) {
      const file = deb(name);
      expect(await verify(file)).toMatchObject({
        ...{ exit: 0, verdict: 'accepted', ignored: [] },
        vouchers: [{ from: `${server.url}/debian/`, signer: fixture.keyid('reproducible') }],
      });
      expect(theirs(file, name, metadata)).toEqual(['ok', 'ok']);
      expect(server.requests).toContain(`GET /debian/sources/${metadata}`);
    }
  });

  it('refuses a package with a byte changed, a link with one, and a layout with one, as in-toto does', async () => {
    const [name, metadata] = cases[0];
    const spoilt = Buffer.from(fixture.official(name));
    // Of the trailing compressed data: its control file still reads.
    spoilt.writeUInt8(spoilt.readUInt8(spoilt.length - 20) ^ 1, spoilt.length - 20);
    const file = deb(name, spoilt);
    expect(await verify(file)).toMatchObject({ exit: 1, code: 'hash-differs' });
    for (const said of theirs(file, name, metadata)) expect(said).toContain('RuleVerificationError');

    const other = join(folder, 'other.layout');
    writeFileSync(other, readFileSync(layout, 'utf8').replace('"threshold": 1', '"threshold": 0'));
    expect(await verify(deb(name), other)).toMatchObject({ exit: 1, code: 'layout-signature-bad' });
    for (const said of theirs(deb(name), name, metadata, other)) {
      expect(said).toContain('SignatureVerificationError');
    }

    const link = join(tree, 'debian/sources', metadata);
    const genuine = readFileSync(link, 'utf8');
    writeFileSync(link, genuine.replace('"command": []', '"command": ["x"]'));
    try {
      expect(await verify(deb(name))).toMatchObject({
        ...{ exit: 1, code: 'threshold-not-met', ignored: [{ fault: 'signature-bad' }] },
      });
      for (const said of theirs(deb(name), name, metadata))
        expect(said).toContain('ThresholdVerificationError');
    } finally {
      writeFileSync(link, genuine);
    }
  });
});
