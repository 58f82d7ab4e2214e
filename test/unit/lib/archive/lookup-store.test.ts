import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LookupStore } from '../../../../daemons/lib/archive/lookup-store.ts';
import { systemClock as clock } from '../../../../daemons/lib/daemon/clock.ts';
import { parseSha256 } from '../../../../daemons/lib/domain/names.ts';

const text = `Package: foo\nVersion: 1.0\nArchitecture: all\nSHA256: ${'ab'.repeat(32)}\nSize: 10\nFilename: pool/main/f/foo/foo_1.0_all.deb\n`;
const index = {
  path: 'main/binary-all/Packages',
  sha256: parseSha256(createHash('sha256').update(text).digest('hex')),
  size: text.length,
};

let folder: string;
let lookups: LookupStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lookups-'));
  writeFileSync(join(folder, 'Packages'), text);
  lookups = new LookupStore(join(folder, 'lookups'), { clock });
});
afterEach(() => rmSync(folder, { recursive: true }));

const here = async () => join(folder, 'Packages');

describe('an index that two open at once', () => {
  it('is read once', async () => {
    let asked = 0;
    const file = async () => {
      asked += 1;
      return await here();
    };
    const [one, other] = await Promise.all([lookups.packages(index, file), lookups.packages(index, file)]);
    expect(other).toBe(one);
    expect(asked).toBe(1);
  });

  it('opens for the second, too, when the first is told to stop', async () => {
    let stop: (reason: Error) => void = () => {};
    const never = () => new Promise<string>((_, reject) => (stop = reject));
    const first = lookups.packages(index, never);
    const second = lookups.packages(index, here);
    await expect.poll(() => stop.length).toBe(1);
    stop(new Error('cancelled'));
    await expect(first).rejects.toThrow('cancelled');
    expect((await second).binaries('foo')).toHaveLength(1);
  });

  it('fails for both when it is not what its Release names', async () => {
    writeFileSync(join(folder, 'Packages'), 'other bytes');
    const both = [lookups.packages(index, here), lookups.packages(index, here)];
    for (const one of both) await expect(one).rejects.toMatchObject({ code: 'hash-mismatch' });
  });
});
