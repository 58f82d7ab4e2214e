import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../daemons/lib/domain/date.ts';
import { buildLayout, type LayoutKey } from '../../../daemons/lib/domain/layout.ts';
import { formatMetablock, type JsonObject, type Metablock } from '../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { ed25519Pem } from '../../../daemons/lib/evidence/ed25519.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { layoutTime, signLayout } from '../../../daemons/lib/openpgp/sign.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { bothInTotos } from '../../support/in-toto/programs.ts';
import { type Ran, runWith } from '../../unit/rebuilderctl/run.ts';
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
    fixture.settings = { ...fixture.settings, vault: await fixture.openSignDoor() };
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

  function verify(poolName: string, ...more: readonly string[]): Promise<Ran> {
    const deb = join(folder, poolName);
    writeFileSync(deb, fixture.official(poolName));
    return runWith({}, [
      ...['verify', deb, '--layout', layout, '--owner-key', ownerKey, '--gpg-home', owner.home, '--json'],
      ...trees.flatMap((tree) => ['--publication', tree]),
      ...more,
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

  it('have their evidence checked again offline, each refusal with its own code', async () => {
    const { publicKey } = fixture.settings.vault.reproducible ?? {};
    if (publicKey === undefined) throw new Error('no key');
    const key = join(folder, 'statements.pem');
    writeFileSync(key, ed25519Pem(publicKey));
    const { archive } = fixture;
    const index = join(archive.root, 'dists', archive.codename, 'main/binary-amd64');
    const keyring = ['--archive-keyring', `${archive.codename}=${archive.keyring}`];
    const all = ['--evidence', '--statement-key', key, ...keyring, '--index', index];
    const { code, out } = await verify(poolNames.any, ...all);
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      {
        verdict: 'accepted',
        evidence: trees.map((tree) => ({
          publication: tree,
          environment: 'inferred',
          statement: true,
          releases: [{ suite: archive.codename, signedBy: [archive.fingerprint] }],
          index: expect.stringMatching(/^main\/binary-amd64\/Packages/),
        })),
      },
    ]);
    const unread = await verify(poolNames.any, '--evidence', ...keyring, '--index', folder);
    expect(JSON.parse(unread.out).evidence).toMatchObject([{ statement: false, index: null }, {}]);

    const refused = async (...args: readonly string[]) => {
      const answer = await verify(poolNames.any, '--evidence', ...args);
      return [answer.code, JSON.parse(answer.out).code];
    };
    expect(await refused()).toEqual([1, 'release-untrusted']);
    const other = join(folder, 'other.pem');
    writeFileSync(other, ed25519Pem('ab'.repeat(32)));
    expect(await refused(...keyring, '--statement-key', other)).toEqual([1, 'statement-unsigned']);
    expect(await refused('--statement-key', index)).toEqual([2, 'statement-key-missing']);
    expect(await refused('--index', join(folder, 'absent'))).toEqual([2, 'index-unreadable']);
    rmSync(join(trees[1] ?? '', 'sources/foo/1.0-1/evidence.amd64.json'));
    expect(await refused(...keyring)).toEqual([1, 'evidence-missing']);
  });

  function linkOf(tree: string): { keyid: string; text: string } {
    const text = readFileSync(join(tree, 'sources/foo/1:1.0-1/metadata'), 'utf8');
    return { keyid: JSON.parse(text).signatures[0].keyid, text };
  }
});
