import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../daemons/lib/domain/date.ts';
import { buildLayout, type LayoutKey } from '../../../daemons/lib/domain/layout.ts';
import { formatMetablock, type JsonObject, type Metablock } from '../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { layoutTime, signLayout } from '../../../daemons/lib/openpgp/sign.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { bothInTotos } from '../../support/in-toto/programs.ts';
import { runWith } from '../../unit/rebuilderctl/run.ts';
import { Fixture, poolNames } from './fixture.ts';

/** One of two rebuilders did only amd64, the other amd64 and all; a layout asks for both. */
describe('two rebuilders of ours with a threshold of two', () => {
  let fixture: Fixture;
  let owner: GnuPg;
  let ownerKey: string;
  let folder: string;
  let layout: string;
  const trees: string[] = [];
  beforeAll(async () => {
    fixture = await Fixture.open();
    owner = openGnuPg();
    ownerKey = owner.makeKey('Layout owner');
    folder = mkdtempSync(join(tmpdir(), 'two-rebuilders-'));
    const { settings } = fixture;
    const [first, second] = [settings.reproducible, settings.unreproducible];
    if (first === undefined || second === undefined) throw new Error('no keys');
    trees.push(await rebuilder(first, ['any']), await rebuilder(second, ['any', 'all']));
    layout = join(folder, 'root.layout');
    writeFileSync(layout, await signedLayout([first.key, second.key]));
  });
  afterAll(async () => {
    await fixture.close();
    owner.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function rebuilder(
    reproducible: Fixture['settings']['reproducible'],
    parts: readonly ('any' | 'all')[],
  ): Promise<string> {
    fixture.settings = { ...fixture.settings, reproducible };
    const tree = mkdtempSync(join(folder, 'tree-'));
    for (const [path, content] of fixture.published(await fixture.attest({ parts }))) {
      const file = join(tree, path.replace(/^debian\//, ''));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    return tree;
  }

  async function signedLayout(rebuilders: readonly LayoutKey[]): Promise<string> {
    const now = systemClock.now();
    const signed = await signLayout(
      buildLayout({ rebuilders, threshold: 2, expires: layoutTime(now + dayMs) }),
      {
        signer: gpgSigner(parseFingerprint(ownerKey), { home: owner.home }),
        key: readPublicKey(owner.exportKey(ownerKey)),
        now,
      },
    );
    return formatMetablock(signed as unknown as Metablock<JsonObject>);
  }

  function verify(poolName: string): Promise<{ code: number; out: string; err: string }> {
    const deb = join(folder, poolName);
    writeFileSync(deb, fixture.official(poolName));
    return runWith({}, [
      ...['verify', deb, '--layout', layout, '--owner-key', ownerKey, '--gpg-home', owner.home, '--json'],
      ...trees.flatMap((tree) => ['--publication', tree]),
    ]);
  }

  it('satisfy both in-totos, and our own verifier, for what both rebuilt', async () => {
    const { code, out } = await verify(poolNames.any);
    expect([code, JSON.parse(out).verdict]).toEqual([0, 'accepted']);
    for (const inToto of bothInTotos()) {
      const work = mkdtempSync(join(folder, 'verify-'));
      writeFileSync(join(work, 'foo_1%3a1.0-1_amd64.deb'), fixture.official(poolNames.any));
      for (const tree of trees) {
        const link = linkOf(tree);
        writeFileSync(join(work, `rebuild.${link.keyid.slice(0, 8)}.link`), link.text);
      }
      const args = ['-l', layout, '-g', ownerKey, '--gpg-home', owner.home];
      expect([inToto.version, inToto.run('verify', args, work)]).toEqual([inToto.version, 'ok']);
    }
  });

  it('do not for what only one did, and quorum names it', async () => {
    const { code, out } = await verify(poolNames.all);
    expect([code, JSON.parse(out).code]).toEqual([1, 'link-not-found']);
    const admin = join(folder, 'dpkg');
    mkdirSync(join(admin, 'info'), { recursive: true });
    const stanza = (name: string, version: string, architecture: string) =>
      `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: ${architecture}\nSource: foo (1:1.0-1)\nMaintainer: x\nDescription: x\n\n`;
    writeFileSync(join(admin, 'status'), stanza('foo', '1:1.0-1', 'amd64') + stanza('foo-data', '5', 'all'));
    const asked = await runWith(
      {},
      [
        ...[
          'quorum',
          '--installed',
          '--layout',
          layout,
          '--owner-key',
          ownerKey,
          '--gpg-home',
          owner.home,
          '--json',
        ],
        ...trees.flatMap((tree) => ['--rebuilder', tree]),
      ],
      { env: { DPKG_ADMINDIR: admin } },
    );
    const rows = asked.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ package: name, outcome }) => [name, outcome]).sort()).toEqual([
      ['foo', 'agreed'],
      ['foo-data', 'short'],
    ]);
  });

  function linkOf(tree: string): { keyid: string; text: string } {
    const text = readFileSync(join(tree, 'sources/foo/1:1.0-1/metadata'), 'utf8');
    return { keyid: JSON.parse(text).signatures[0].keyid, text };
  }
});
