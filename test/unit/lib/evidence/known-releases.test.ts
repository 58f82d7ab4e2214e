import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import type { Sha256 } from '../../../../daemons/lib/domain/names.ts';
import { KnownReleases } from '../../../../daemons/lib/evidence/known-releases.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';
import { Objects } from '../../../support/job-context.ts';

describe('a Release that was verified before', () => {
  let gnupg: GnuPg;
  let dir: string;
  let release: Sha256;
  let keys: Readonly<{ ours: Buffer; other: Buffer }>;
  const objects = new Objects();
  const keyring = () => join(dir, 'keyring.gpg');
  let clock: VirtualClock;
  let known: KnownReleases;
  let reads: number;

  beforeAll(() => {
    gnupg = openGnuPg();
    dir = mkdtempSync(join(tmpdir(), 'releases-'));
    const ours = gnupg.makeKey('Archive', 'rsa2048');
    const other = gnupg.makeKey('Other', 'rsa2048');
    keys = { ours: gnupg.exportKey(ours), other: gnupg.exportKey(other) };
    const text = 'Codename: testing\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n';
    release = objects.put(gnupg.gpg(['--clearsign', '-u', ours], text));
  });
  beforeEach(() => {
    writeFileSync(keyring(), keys.ours);
    clock = new VirtualClock();
    known = new KnownReleases(clock);
    reads = 0;
  });
  afterAll(() => {
    gnupg.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  const verify = (keyrings = [{ file: keyring() }]) =>
    known.verify(
      { release, signature: null },
      {
        keyrings,
        objects: {
          read: async (sha256) => {
            reads += 1;
            return objects.get(sha256);
          },
        },
      },
    );

  it('is not read again by the same keys, for a while', async () => {
    const first = await verify();
    expect(await verify()).toBe(first);
    expect(reads).toBe(1);
    await clock.advance(600_000);
    expect((await verify()).signed.release.codename).toBe('testing');
    expect(reads).toBe(2);
  });

  it('is not believed by a keyring that lost its key meanwhile, nor by another one', async () => {
    await verify();
    writeFileSync(keyring(), keys.other);
    await expect(verify()).rejects.toMatchObject({ name: 'ArchiveError' });
    writeFileSync(keyring(), keys.ours);
    await verify();
    writeFileSync(join(dir, 'other.gpg'), keys.other);
    await expect(verify([{ file: join(dir, 'other.gpg') }])).rejects.toMatchObject({ name: 'ArchiveError' });
    await expect(verify([])).rejects.toMatchObject({ name: 'ArchiveError' });
  });

  it('is tried again when it was refused before', async () => {
    writeFileSync(keyring(), keys.other);
    await expect(verify()).rejects.toMatchObject({ name: 'ArchiveError' });
    writeFileSync(keyring(), keys.ours);
    expect((await verify()).signed.signedBy).toHaveLength(1);
  });
});
