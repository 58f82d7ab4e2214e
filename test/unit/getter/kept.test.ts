import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Kept, type Wanted } from '../../../daemons/getter/kept.ts';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { parseSha256 } from '../../../daemons/lib/domain/names.ts';
import { Downloads } from '../../../daemons/lib/net/download.ts';
import { ArchiveServer } from '../../support/archive-server.ts';

const content = Buffer.alloc(10_000, 'x');
const sha256 = parseSha256(createHash('sha256').update(content).digest('hex'));

let folder: string;
let server: ArchiveServer;
let downloads: Downloads;
let kept: Kept;
let wanted: Wanted;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kept-'));
  writeFileSync(join(folder, 'file'), content);
  server = await ArchiveServer.start(folder);
  downloads = new Downloads({ clock });
  kept = await Kept.open({ folder: join(folder, 'cache'), downloads, clock, maxBytes: 10 ** 6 });
  wanted = { uri: `${server.url}/file`, sha256, size: content.length };
});
afterEach(async () => {
  await downloads.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

describe('a file that two want at once', () => {
  it('is brought once', async () => {
    await Promise.all([kept.bring(wanted), kept.bring(wanted)]);
    expect(server.requests).toHaveLength(1);
    expect(await kept.read(sha256, content.length)).toEqual(content);
  });

  it('comes for the second, too, when the first is told to stop', async () => {
    server.misbehave(/file/, { kind: 'stall', bytes: 100 }, 1);
    const first = new AbortController();
    const stopped = kept.bring(wanted, first.signal);
    const second = kept.bring(wanted);
    await expect.poll(() => server.requests.length).toBe(1);
    first.abort(new Error('cancelled'));
    await expect(stopped).rejects.toThrow('cancelled');
    await second;
    expect(await kept.read(sha256, content.length)).toEqual(content);
  });
});
