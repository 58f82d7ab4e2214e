import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { Downloads, type DownloadsOptions, type Expected } from '../../../../daemons/lib/net/download.ts';
import { noProxies } from '../../../../daemons/lib/net/proxies.ts';
import { ArchiveServer } from '../../../support/archive-server.ts';

let folder: string;
let server: ArchiveServer;
let downloads: Downloads;
let waits: number[];
const content = Buffer.from(Array.from({ length: 60_000 }, (_, n) => `${n}\n`).join(''));
const expected: Expected = {
  sha256: createHash('sha256').update(content).digest('hex') as Expected['sha256'],
  size: content.length,
};

/** Does not wait, and says how long it would have. */
function hastyClock(): Clock {
  return {
    ...systemClock,
    random: () => 0.5,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      waits.push(ms);
    },
  };
}

function open(options: Partial<DownloadsOptions> = {}): Downloads {
  const timeouts = { connectMs: 2_000, answerMs: 300, bodyMs: 300 };
  return new Downloads({ clock: hastyClock(), timeouts, ...options });
}

beforeEach(async () => {
  waits = [];
  folder = mkdtempSync(join(tmpdir(), 'net-'));
  mkdirSync(join(folder, 'served'));
  writeFileSync(join(folder, 'served/file'), content);
  server = await ArchiveServer.start(join(folder, 'served'));
  downloads = open();
});

afterEach(async () => {
  await downloads.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const max = 2 ** 24;
const target = () => join(folder, 'got');

describe('Downloads', () => {
  it('brings a file, and says what it is', async () => {
    await downloads.toFile(`${server.url}/file`, target(), { max });
    expect(readFileSync(target()).equals(content)).toBe(true);
    expect((await downloads.read(`${server.url}/file`, { max, expected })).equals(content)).toBe(true);
  });

  it.each(['file:', 'file://', 'copy:'])('brings a local file by %s', async (scheme) => {
    const uri = `${scheme}${folder}/served/file`;
    await downloads.toFile(uri, target(), { max, expected });
    expect(readFileSync(target()).equals(content)).toBe(true);
    await expect(downloads.read(`${uri}-not`, { max })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('takes up a broken transfer where it ended', async () => {
    server.misbehave(/file/, { kind: 'truncate', bytes: 100_000 }, 1);
    await downloads.toFile(`${server.url}/file`, target(), { max, expected });
    expect(readFileSync(target()).equals(content)).toBe(true);
    expect(server.requests).toHaveLength(2);
    expect(readFileSync(target()).equals(content)).toBe(true);
  });

  it('starts again where the server knows no ranges', async () => {
    await server.close();
    server = await ArchiveServer.start(join(folder, 'served'), { ranges: false });
    server.misbehave(/file/, { kind: 'truncate', bytes: 100_000 }, 1);
    await downloads.toFile(`${server.url}/file`, target(), { max, expected });
    expect(readFileSync(target()).equals(content)).toBe(true);
  });

  it('starts again when two answers do not fit together', async () => {
    const other = join(folder, 'served/other');
    writeFileSync(other, Buffer.alloc(content.length, 'x'));
    const swap = open({ onRetry: () => writeFileSync(other, content) });
    await server.close();
    server = await ArchiveServer.start(join(folder, 'served'), { etag: false });
    server.misbehave(/other/, { kind: 'truncate', bytes: 50_000 }, 1);
    await swap.toFile(`${server.url}/other`, target(), { max, expected });
    expect(readFileSync(target()).equals(content)).toBe(true);
    expect(server.requests).toHaveLength(3);
    await swap.close();
  });

  it('gives up a server that always breaks off at the same place', async () => {
    await server.close();
    server = await ArchiveServer.start(join(folder, 'served'), { ranges: false });
    server.misbehave(/file/, { kind: 'truncate', bytes: 100_000 });
    const bringing = downloads.toFile(`${server.url}/file`, target(), { max, expected });
    await expect(bringing).rejects.toMatchObject({ name: 'NetError', code: 'truncated' });
    expect(readdirSync(folder)).toEqual(['served']);
  });

  it('gives up a server that falls silent', async () => {
    server.misbehave(/file/, { kind: 'stall', bytes: 0 });
    const impatient = open({ tries: 2 });
    const bringing = impatient.toFile(`${server.url}/file`, target(), { max });
    await expect(bringing).rejects.toMatchObject({ code: 'unreachable' });
    expect(server.requests).toHaveLength(2);
    await impatient.close();
  });

  it('tries again after errors of the server, each wait longer', async () => {
    server.misbehave(/file/, { kind: 'status', status: 503 }, 2);
    server.misbehave(/file/, { kind: 'reset' }, 1);
    await downloads.toFile(`${server.url}/file`, target(), { max, expected });
    expect(readFileSync(target()).equals(content)).toBe(true);
    expect(waits).toEqual([500, 1_000, 2_000]);
  });

  it('waits as long as the server asks, and no longer than is sensible', async () => {
    server.misbehave(/file/, { kind: 'status', status: 429, headers: { 'retry-after': '7' } }, 1);
    await downloads.read(`${server.url}/file`, { max });
    expect(waits[0]).toBe(7_000);
    server.misbehave(/file/, { kind: 'status', status: 429, headers: { 'retry-after': '3600' } });
    await expect(downloads.read(`${server.url}/file`, { max })).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  it('does not ask again for what is not there', async () => {
    await expect(downloads.read(`${server.url}/none`, { max })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('/none'),
    });
    server.misbehave(/file/, { kind: 'status', status: 403 });
    await expect(downloads.read(`${server.url}/file`, { max })).rejects.toMatchObject({ code: 'refused' });
    expect(server.requests).toHaveLength(2);
  });

  it('says unreachable where nobody listens', async () => {
    const { url } = server;
    await server.close();
    await expect(downloads.read(`${url}/file`, { max })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('refused'),
    });
    server = await ArchiveServer.start(join(folder, 'served'));
  });

  it('refuses what is larger than its cap, or than expected', async () => {
    await expect(downloads.read(`${server.url}/file`, { max: 1_000 })).rejects.toMatchObject({
      code: 'too-large',
    });
    const small = { ...expected, size: 1_000 };
    const bringing = downloads.toFile(`${server.url}/file`, target(), { max, expected: small });
    await expect(bringing).rejects.toMatchObject({ code: 'mismatch' });
    expect(readdirSync(folder)).toEqual(['served']);
  });

  it('refuses other bytes than expected', async () => {
    server.misbehave(/file/, { kind: 'bytes', bytes: Buffer.alloc(content.length, 'x') });
    const bringing = downloads.toFile(`${server.url}/file`, target(), { max, expected });
    await expect(bringing).rejects.toMatchObject({
      code: 'mismatch',
      message: expect.stringContaining(expected.sha256),
    });
    expect(server.requests).toHaveLength(1);
  });

  it('follows redirects, but not out of http', async () => {
    server.misbehave(/old/, { kind: 'redirect', to: '/file' });
    expect((await downloads.read(`${server.url}/old`, { max })).equals(content)).toBe(true);
    server.misbehave(/evil/, { kind: 'redirect', to: 'file:///etc/passwd' });
    await expect(downloads.read(`${server.url}/evil`, { max })).rejects.toMatchObject({ code: 'refused' });
    server.misbehave(/loop/, { kind: 'redirect', to: '/loop' });
    await expect(downloads.read(`${server.url}/loop`, { max })).rejects.toMatchObject({ code: 'refused' });
  });

  it('asks one host only so much at a time', async () => {
    const polite = open({ atOnce: 3 });
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        polite.toFile(`${server.url}/file`, join(folder, `got-${n}`), { max }),
      ),
    );
    expect(server.busiest).toBeLessThanOrEqual(3);
    expect(server.busiest).toBeGreaterThan(1);
    await polite.close();
  });

  it('stops when it is told to, and leaves nothing', async () => {
    server.misbehave(/file/, { kind: 'stall', bytes: 1_000 });
    const stop = new AbortController();
    const patient = open({ timeouts: { connectMs: 5_000, answerMs: 60_000, bodyMs: 60_000 } });
    const bringing = patient.toFile(`${server.url}/file`, target(), { max, signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 100));
    stop.abort(new Error('told to'));
    await expect(bringing).rejects.toThrow('told to');
    expect(readdirSync(folder)).toEqual(['served']);
    await patient.close();
  });

  it('knows no other schemes', async () => {
    await expect(downloads.read('ftp://example.org/file', { max })).rejects.toMatchObject({
      code: 'unsupported',
    });
  });

  it('shows no password', async () => {
    const url = server.url.replace('//', '//user:secret@');
    await expect(downloads.read(`${url}/none`, { max })).rejects.toThrow(/^(?!.*secret).*$/s);
    expect((await downloads.read(`${url}/file`, { max })).equals(content)).toBe(true);
  });
});

describe('a proxy', () => {
  let proxy: Server;
  let asked: string[];
  beforeEach(async () => {
    asked = [];
    proxy = createServer((request, response) => {
      asked.push(request.url ?? '');
      const onward = httpRequest(request.url ?? '', (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      onward.end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    proxy.closeAllConnections();
    proxy.close();
  });

  it('is asked for the whole address, unless the host is excepted', async () => {
    const http = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const through = open({ proxies: { ...noProxies, http } });
    expect((await through.read(`${server.url}/file`, { max })).equals(content)).toBe(true);
    expect(asked).toEqual([`${server.url}/file`]);
    await through.close();
    const around = open({ proxies: { ...noProxies, http, hosts: new Map([['127.0.0.1', null]]) } });
    await around.read(`${server.url}/file`, { max });
    expect(asked).toHaveLength(1);
    await around.close();
  });
});
