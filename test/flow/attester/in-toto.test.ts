import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { buildLayout } from '../../../daemons/lib/domain/layout.ts';
import { formatMetablock, type JsonObject, type Metablock } from '../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { layoutTime, signLayout } from '../../../daemons/lib/openpgp/sign.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { Fixture, poolNames } from './fixture.ts';

interface LinkFile {
  signatures: { keyid: string }[];
}

describe('before Debian’s in-toto', () => {
  let fixture: Fixture;
  let settings: Fixture['settings'];
  let owner: GnuPg;
  let folder: string;
  let layout: string;
  let ownerKey: string;
  beforeAll(async () => {
    fixture = await Fixture.open();
    settings = fixture.settings;
    owner = openGnuPg();
    ownerKey = owner.makeKey('Layout owner', 'rsa3072', 'sign', '1y');
    folder = mkdtempSync(join(tmpdir(), 'in-toto-'));
    const rebuilder = settings.reproducible;
    if (rebuilder === undefined) throw new Error('no key');
    const now = systemClock.now();
    const document = await signLayout(
      buildLayout({ rebuilders: [rebuilder.key], threshold: 1, expires: layoutTime(now + 86_400_000) }),
      {
        signer: gpgSigner(parseFingerprint(ownerKey), { home: owner.home }),
        key: readPublicKey(owner.exportKey(ownerKey)),
        now,
      },
    );
    layout = join(folder, 'root.layout');
    writeFileSync(layout, formatMetablock(document as unknown as Metablock<JsonObject>));
  });
  afterAll(async () => {
    await fixture.close();
    owner.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** As apt's transport does it: the .deb under apt's name and the link, in a folder of their own. */
  function verify(metadata: Buffer | string, deb: Buffer, name: string): string {
    const work = mkdtempSync(join(folder, 'verify-'));
    const keyid = (JSON.parse(String(metadata)) as LinkFile).signatures[0]?.keyid ?? '';
    writeFileSync(join(work, `rebuild.${keyid.slice(0, 8)}.link`), metadata);
    writeFileSync(join(work, name), deb);
    try {
      execFileSync('in-toto-verify', ['-l', layout, '-g', ownerKey, '--gpg-home', owner.home], {
        cwd: work,
        stdio: 'pipe',
      });
      return 'accepted';
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
      return `${stdout}${stderr}`;
    }
  }

  it('every link is accepted, and none with a digit of it or a byte of the package changed', async () => {
    const attestation = await fixture.attest({ parts: ['any', 'all'] });
    const published = fixture.published(attestation);
    const foo = fixture.official(poolNames.any);
    const onDisk = 'foo_1%3a1.0-1_amd64.deb';
    const cases: [string, string, Buffer][] = [...published.keys()]
      .filter((path) => /metadata$|\.link$/.test(path))
      .map((path) =>
        path.includes('/foo-data/')
          ? [path, poolNames.all, fixture.official(poolNames.all)]
          : [path, onDisk, foo],
      );
    expect(cases).toHaveLength(4);
    for (const [path, name, deb] of cases) {
      const metadata = published.get(path) ?? Buffer.alloc(0);
      expect(verify(metadata, deb, name), path).toBe('accepted');
      const digit = /"sha256": "(.)/.exec(metadata.toString())?.[1] === '0' ? '1' : '0';
      expect(
        verify(metadata.toString().replace(/"sha256": "./g, `"sha256": "${digit}`), deb, name),
      ).toContain('ThresholdVerificationError');
      expect(verify(metadata.toString().replace(/"signature": "(.)/, otherDigit), deb, name)).toContain(
        'ThresholdVerificationError',
      );
      const spoilt = Buffer.from(deb);
      spoilt.writeUInt8(spoilt.readUInt8(100) ^ 1, 100);
      expect(verify(metadata, spoilt, name)).toContain('RuleVerificationError');
    }
  });

  it('the signed root layout is published as it is, and one that is not signed stays where it is', async () => {
    fixture.settings = { ...settings, rootLayout: layout };
    const published = fixture.published(await fixture.attest());
    expect(published.get('debian/root.layout')?.toString()).toContain('verify-reprobuilds');
    const unsigned = join(folder, 'unsigned.layout');
    writeFileSync(unsigned, '{"signatures": [], "signed": {"_type": "layout"}}');
    for (const file of [unsigned, join(folder, 'absent')]) {
      fixture.settings = { ...settings, rootLayout: file };
      expect(fixture.published(await fixture.attest()).has('debian/root.layout')).toBe(false);
    }
    expect(fixture.told.filter((one) => one.event.startsWith('the root layout'))).toHaveLength(2);
  });
});

function otherDigit(whole: string, digit: string): string {
  return whole.slice(0, -1) + (digit === '0' ? '1' : '0');
}
