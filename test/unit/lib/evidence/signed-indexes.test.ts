import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LookupStore } from '../../../../daemons/lib/archive/lookup-store.ts';
import { parseEvidence } from '../../../../daemons/lib/contracts/documents/feed.ts';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { openSignedIndexes } from '../../../../daemons/lib/evidence/signed-indexes.ts';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';
import { Objects } from '../../../support/job-context.ts';

const packages = `Package: foo
Version: 1:1.0
Architecture: amd64
Filename: pool/main/f/foo/foo_1.0_amd64.deb
Size: 10
SHA256: ${'ab'.repeat(32)}

`;
const sources = `Package: foo
Version: 1:1.0
Directory: pool/main/f/foo
Checksums-Sha256:
 ${'cd'.repeat(32)} 20 foo_1.0.dsc

`;

describe('openSignedIndexes', () => {
  let gnupg: GnuPg;
  let dir: string;
  const objects = new Objects();
  const asked: string[] = [];
  let key: string;
  let release: string;

  beforeAll(() => {
    gnupg = openGnuPg();
    dir = mkdtempSync(join(tmpdir(), 'indexes-'));
    key = gnupg.makeKey('Archive', 'rsa2048');
    writeFileSync(join(dir, 'keyring.gpg'), gnupg.exportKey(key));
    const lines = Object.entries({
      'main/binary-amd64/Packages': packages,
      'main/source/Sources': sources,
    }).map(([path, text]) => ` ${sha256(text)} ${text.length} ${path}\n`);
    release = `Codename: testing\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n${lines.join('')}`;
  });
  afterAll(() => {
    gnupg.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  function sha256(text: string): string {
    return createHash('sha256').update(text).digest('hex');
  }

  const clearsigned = (text = release) => objects.put(gnupg.gpg(['--clearsign', '-u', key], text));
  const detached = (text = release) => objects.put(gnupg.gpg(['--detach-sign', '-u', key], text));

  function evidence(
    releaseObject: string,
    signature: string | null,
    index: object = {},
    suite: string = 'testing',
  ) {
    return parseEvidence({
      v: 1,
      dist: 'testing.amd64',
      releases: [
        {
          archive: 'http://example.org/debian',
          suite,
          release: releaseObject,
          signature,
          indexes: [
            {
              path: 'main/binary-amd64/Packages',
              sha256: objects.put(packages),
              size: packages.length,
              ...index,
            },
            { path: 'main/source/Sources', sha256: objects.put(sources), size: sources.length },
          ],
        },
      ],
    });
  }

  function open(one: ReturnType<typeof evidence>, lookups = 'lookups') {
    return openSignedIndexes(one, {
      distribution: 'testing',
      keyringsOf: (suite) => (suite === 'testing' ? [{ file: join(dir, 'keyring.gpg') }] : []),
      lookups: new LookupStore(join(dir, lookups), { clock: systemClock }),
      objects: {
        read: async (sha) => objects.get(sha),
        file: async (sha) => {
          asked.push(sha);
          const path = join(dir, `index-${asked.length}`);
          writeFileSync(path, objects.get(sha));
          return path;
        },
      },
    });
  }

  it.each([
    ['an InRelease', () => evidence(clearsigned(), null)],
    ['a Release with its signature', () => evidence(objects.put(release), detached())],
  ])('believes %s by our own key, and opens what it names', async (_what, one) => {
    const indexes = await open(one());
    expect(indexes.packages[0]?.ofSource('foo', '1:1.0')).toMatchObject([{ sha256: 'ab'.repeat(32) }]);
    expect(indexes.sources[0]?.files('foo', '1:1.0')).toMatchObject([{ name: 'foo_1.0.dsc' }]);
    expect(indexes.releases).toMatchObject([
      {
        readFrom: 'http://example.org/debian',
        suite: 'testing',
        release: { origin: '', codename: 'testing', date: Date.UTC(2026, 6, 11, 10, 16, 37) },
        signedBy: [key],
      },
    ]);
  });

  it('fails only when none of them is at work any more', async () => {
    const one = evidence(clearsigned(), null);
    let begun = 0;
    let ended = 0;
    const failing = openSignedIndexes(one, {
      distribution: 'testing',
      keyringsOf: () => [{ file: join(dir, 'keyring.gpg') }],
      lookups: new LookupStore(join(dir, 'failing'), { clock: systemClock }),
      objects: {
        read: async (sha) => objects.get(sha),
        file: async () => {
          begun += 1;
          if (begun > 1) await new Promise((resolve) => setTimeout(resolve, 20));
          ended += 1;
          throw new Error('not to be had');
        },
      },
    });
    await expect(failing).rejects.toThrow('not to be had');
    expect([begun, ended]).toEqual([2, 2]);
  });

  it('reads an index that it knows no second time', async () => {
    const before = asked.length;
    await open(evidence(clearsigned(), null), 'again');
    expect(asked.length).toBe(before + 2);
    await open(evidence(clearsigned(), null), 'again');
    expect(asked.length).toBe(before + 2);
  });

  it.each([
    ['no signature', () => evidence(objects.put(release), null), 'unsigned'],
    [
      'a signature of something else',
      () => evidence(objects.put(release), detached(`${release}x`)),
      'bad-signature',
    ],
    [
      'an index of another hash',
      () => evidence(clearsigned(), null, { sha256: objects.put('x') }),
      'hash-mismatch',
    ],
    ['an index of another size', () => evidence(clearsigned(), null, { size: 1 }), 'hash-mismatch'],
    [
      'an index that the Release does not have',
      () => evidence(clearsigned(), null, { path: 'main/x/Packages' }),
      'hash-mismatch',
    ],
    [
      'a Release of another suite, though our key signed it',
      () => evidence(clearsigned(release.replace('testing', 'stable')), null),
      'malformed',
    ],
    [
      'a Release that does not say what it is of',
      () => evidence(clearsigned(release.replace(/^Codename.*\n/, '')), null),
      'malformed',
    ],
  ])('refuses %s', async (_what, one, code) => {
    await expect(open(one(), 'refused')).rejects.toMatchObject({
      name: 'ArchiveError',
      code,
      message: expect.stringContaining('http://example.org/debian testing: '),
    });
  });

  it('refuses a suite of another distribution, and the keys of one suite for another', async () => {
    const of = (suite: string) =>
      open(evidence(clearsigned(release.replace('testing', suite)), null, {}, suite), 'refused');
    await expect(of('stable')).rejects.toThrow('stable: is no suite of testing');
    await expect(of('testing-security')).rejects.toMatchObject({ code: 'no-key' });
  });
});
