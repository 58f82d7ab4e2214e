import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SigningKey } from '../../../daemons/attester/keys.ts';
import type { Attestation } from '../../../daemons/lib/contracts/documents/attestation.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { type Link, linkOf } from '../../../daemons/lib/domain/link.ts';
import { formatMetablock, type JsonObject, type Metablock } from '../../../daemons/lib/domain/metablock.ts';
import { parsePublicationPath } from '../../../daemons/lib/domain/names.ts';
import { signDocument } from '../../../daemons/lib/openpgp/sign.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { rebuilderctl } from '../../support/rebuilderctl.ts';
import { Fixture, poolNames, source, sourceVersion } from './fixture.ts';

interface LinkFile {
  signatures: { keyid: string }[];
  signed: { products: Record<string, { sha256: string }> };
}

const folder = 'debian/sources/foo/1.0-1';
const metadata = `debian/sources/foo/${sourceVersion}/metadata`;

describe('after a rotation with overlap', () => {
  let fixture: Fixture;
  let owner: GnuPg;
  let dir: string;
  let old: SigningKey;
  let now: SigningKey;
  /** What the old key signed: the part `any`. */
  let first: Attestation;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rotation-'));
    owner = openGnuPg();
    fixture = await Fixture.open();
    first = await fixture.attest({ parts: ['any'] });
    ({ old, now } = await fixture.rotate());
  });
  afterAll(() => {
    fixture.close();
    owner.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  const short = ({ key }: SigningKey) => (Object.keys(key.subkeys ?? {})[0] ?? '').slice(0, 8);
  const named = (attestation: Attestation) =>
    attestation.publish.map(({ path, sha256 }) => ({ path, sha256 }));
  const linkIn = (content: Buffer | undefined) => JSON.parse(content?.toString() ?? 'null') as LinkFile;
  const both = ['foo_1%3a1.0-1_amd64.deb', poolNames.any, poolNames.all].sort();
  const warnings = () => fixture.told.filter(({ level }) => level === 'warning').length;

  /** The architecture that was not attested before, told of these links. */
  async function attestOther(earlier: ReturnType<typeof named>, reproducible = now) {
    fixture.told.length = 0;
    fixture.settings = { ...fixture.settings, reproducible };
    const attestation = await fixture.attest({ parts: ['all'], earlier });
    const published = fixture.published(attestation);
    return { attestation, published, merged: linkIn(published.get(`${folder}/rebuild.${short(now)}.link`)) };
  }

  it('the new key signs what the old one had said besides, and replaces none of its own links', async () => {
    const { attestation, published, merged } = await attestOther(named(first));
    expect(attestation.signedBy).toEqual([now.fingerprint]);
    expect(merged.signatures.map(({ keyid }) => keyid.slice(0, 8))).toEqual([short(now)]);
    expect(Object.keys(merged.signed.products).sort()).toEqual(both);
    const links = first.publish.map(({ path }) => path).filter((path) => /(?:\/metadata|\.link)$/.test(path));
    expect(links.filter((path) => published.has(path))).toEqual([]);
    expect(published.has(`debian/${now.fingerprint}.asc`)).toBe(true);
    expect(warnings()).toBe(0);
  });

  it('Debian’s in-toto accepts the links of both keys by a layout that lists both, and not by one of the old alone', async () => {
    const ownerKey = owner.makeKey('Layout owner', 'rsa3072', 'sign', '1y');
    const files = [old, now].map((key) => {
      const file = join(dir, `${key.fingerprint}.asc`);
      writeFileSync(file, key.armored);
      return file;
    });
    const layouts = { before: join(dir, 'before.layout'), both: join(dir, 'both.layout') };
    const signing = ['--owner-key', ownerKey, '--gpg-home', owner.home];
    const [oldFile = '', newFile = ''] = files;
    const ctl = async (...args: readonly string[]) =>
      expect(await rebuilderctl(['layout', ...args, ...signing])).toMatchObject({ exitCode: 0 });
    await ctl('init', '--rebuilder-key', oldFile, '--expires', '1y', '-o', layouts.before);
    await ctl('add-key', layouts.before, '--rebuilder-key', newFile, '-o', layouts.both);

    const { published } = await attestOther(named(first));
    const merged = published.get(`${folder}/rebuild.${short(now)}.link`) ?? Buffer.alloc(0);
    const verify = (layout: string, link: Buffer, key: SigningKey, deb: Buffer, name: string) => {
      const work = mkdtempSync(join(dir, 'verify-'));
      writeFileSync(join(work, `rebuild.${short(key)}.link`), link);
      writeFileSync(join(work, name), deb);
      try {
        execFileSync('in-toto-verify', ['-l', layout, '-g', ownerKey, '--gpg-home', owner.home], {
          cwd: work,
          stdio: 'pipe',
        });
        return 'accepted';
      } catch (error) {
        return String((error as { stderr?: Buffer }).stderr);
      }
    };
    const foo = [fixture.official(poolNames.any), 'foo_1%3a1.0-1_amd64.deb'] as const;
    const data = [fixture.official(poolNames.all), poolNames.all] as const;
    expect(verify(layouts.both, merged, now, ...foo)).toBe('accepted');
    expect(verify(layouts.both, merged, now, ...data)).toBe('accepted');
    const before = fixture.published(first).get(metadata) ?? Buffer.alloc(0);
    expect(verify(layouts.both, before, old, ...foo)).toBe('accepted');
    expect(verify(layouts.before, merged, now, ...foo)).toContain('LinkNotFoundError');
  });

  it('the word of the new key goes before that of the old one, in whatever order they are told', async () => {
    const again = await fixture.attest({ parts: ['any'], earlier: named(first) });
    const outdated: Link = linkOf(
      { [poolNames.any]: { sha256: 'ab'.repeat(32) } },
      { source, version: sourceVersion },
    );
    const document = await signDocument(outdated, {
      signer: old.signer,
      key: old.key,
      now: systemClock.now(),
    });
    const text = formatMetablock(document as unknown as Metablock<JsonObject>);
    const path = parsePublicationPath(`${folder}/rebuild.${short(old)}.link`);
    const link = { path, sha256: fixture.objects.put(text) };
    for (const earlier of [
      [link, ...named(again)],
      [...named(again), link],
    ]) {
      const { merged } = await attestOther(earlier);
      expect(merged.signed.products[poolNames.any]?.sha256).toBe(fixture.sha256(poolNames.any));
    }
    const alone = await attestOther([link]);
    expect(alone.merged.signed.products[poolNames.any]?.sha256).toBe('ab'.repeat(32));
  });

  it('nothing that the old key signed is kept once it is no previous key, has expired, or its part is revoked', async () => {
    const [subkey] = Object.values(old.key.subkeys ?? {});
    if (subkey === undefined) throw new Error('no subkey signs');
    const ended = { ...subkey, validity_period: 1 };
    const expired = { ...old, key: { ...old.key, subkeys: { [subkey.keyid]: ended } } };
    const parts = old.parts.map((part) => ({ ...part, use: 'revoked' as const }));
    const revoked = { ...old, parts };
    for (const previous of [[], [expired], [revoked]]) {
      const { merged } = await attestOther(named(first), { ...now, previous });
      expect(Object.keys(merged.signed.products)).toEqual([poolNames.all]);
      expect(warnings()).toBe(3);
    }
  });
});
