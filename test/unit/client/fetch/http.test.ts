import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Fetcher, type FetcherOptions } from '../../../../daemons/client/fetch/http.ts';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { noProxies } from '../../../../daemons/lib/net/proxies.ts';
import { maxRedirects } from '../../../../daemons/lib/net/redirects.ts';
import { ArchiveServer } from '../../../support/archive-server.ts';
import { type Certificate, makeCertificate } from '../../../support/certificate.ts';
import { ProxyServer } from '../../../support/proxy-server.ts';

describe('Fetcher', () => {
  let folder: string;
  let certificate: Certificate;
  let plain: ArchiveServer;
  let tls: ArchiveServer;
  let proxy: ProxyServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fetch-'));
    certificate = makeCertificate(folder, 'rebuilder');
    writeFileSync(join(folder, 'metadata'), 'a link');
    [plain, tls, proxy] = await Promise.all([
      ArchiveServer.start(folder),
      ArchiveServer.start(folder, { tls: certificate }),
      ProxyServer.start(),
    ]);
  });
  afterEach(() => {
    for (const server of [plain, tls]) server.behave();
    proxy.requests.length = 0;
  });
  afterAll(async () => {
    await Promise.all([plain, tls, proxy].map((server) => server.close()));
    rmSync(folder, { recursive: true });
  });

  const fetcher = (options: Partial<FetcherOptions> = {}) =>
    new Fetcher({
      clock: systemClock,
      proxies: noProxies,
      certificates: () => certificate.cert,
      timeoutMs: 20_000,
      maxBytes: 1_000,
      ...options,
    });
  const get = async (url: string, options: Partial<FetcherOptions> = {}) =>
    (await fetcher(options).get(url)).toString();

  it('brings a file by http and by https', async () => {
    expect(await get(`${plain.url}/metadata`)).toBe('a link');
    expect(await get(`${tls.url}/metadata`)).toBe('a link');
  });

  it('uses a connection again, also when the server has closed it meanwhile', async () => {
    const one = fetcher();
    for (let turn = 0; turn < 3; turn++) {
      await one.get(`${plain.url}/metadata`);
      plain.misbehave(/metadata/, { kind: 'reset' }, 1);
    }
  });

  it('follows redirects, to https too, and counts them', async () => {
    plain.misbehave(/^\/elsewhere$/, { kind: 'redirect', to: '/metadata' });
    plain.misbehave(/^\/tls$/, { kind: 'redirect', to: `${tls.url}/metadata` });
    plain.misbehave(/^\/round$/, { kind: 'redirect', to: '/round' });
    expect(await get(`${plain.url}/elsewhere`)).toBe('a link');
    expect(await get(`${plain.url}/tls`)).toBe('a link');
    await expect(get(`${plain.url}/round`)).rejects.toMatchObject({
      code: 'refused',
      message: `${plain.url}/round: more than ${maxRedirects} redirects`,
    });
  });

  it.each([
    ['file:///etc/passwd', 'redirected to file:///etc/passwd'],
    ['http://[', 'redirected to what is no URL'],
  ])('does not follow a redirect to %s', async (to, say) => {
    plain.misbehave(/^\/away$/, { kind: 'redirect', to });
    await expect(get(`${plain.url}/away`)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining(say),
    });
  });

  it('does not follow a redirect from https to http', async () => {
    tls.misbehave(/^\/down$/, { kind: 'redirect', to: `${plain.url}/metadata` });
    await expect(get(`${tls.url}/down`)).rejects.toMatchObject({ code: 'refused' });
  });

  it('tells what is missing from what goes wrong', async () => {
    plain.misbehave(/^\/gone$/, { kind: 'status', status: 410 });
    plain.misbehave(/^\/broken$/, { kind: 'status', status: 500 });
    plain.misbehave(/^\/part$/, { kind: 'status', status: 204 });
    plain.misbehave(/^\/reset$/, { kind: 'reset' });
    const cases: readonly (readonly [string, string, string])[] = [
      [`${plain.url}/none`, 'not-found', 'the server answers 404'],
      [`${plain.url}/gone`, 'not-found', 'the server answers 410'],
      [`${plain.url}/broken`, 'refused', 'the server answers 500'],
      [`${plain.url}/part`, 'refused', 'the server answers 204'],
      [`${plain.url}/reset`, 'unreachable', 'the connection was cut'],
      ['http://127.0.0.1:1/', 'unreachable', 'the connection was refused'],
      ['ftp://127.0.0.1/', 'unsupported', 'only http and https are known'],
      ['rebuilder.example', 'unsupported', 'is no URL'],
    ];
    for (const [url, code, say] of cases) {
      await expect(get(url), url).rejects.toMatchObject({ code, message: `${url}: ${say}` });
    }
  });

  it('gives up a server that says nothing, stops in the middle, or sends too much', async () => {
    plain.misbehave(/metadata/, { kind: 'stall', bytes: 3 }, 1);
    const late = { code: 'unreachable', message: expect.stringContaining('no whole answer within 0.3 s') };
    await expect(get(`${plain.url}/metadata`, { timeoutMs: 300 })).rejects.toMatchObject(late);
    plain.misbehave(/metadata/, { kind: 'truncate', bytes: 3 }, 1);
    await expect(get(`${plain.url}/metadata`)).rejects.toMatchObject({ code: 'unreachable' });
    plain.misbehave(/metadata/, { kind: 'bytes', bytes: Buffer.alloc(1_001) }, 1);
    await expect(get(`${plain.url}/metadata`)).rejects.toMatchObject({ code: 'too-large' });
  });

  it('believes nobody whose certificate it does not know', async () => {
    const other = makeCertificate(folder, 'other');
    await expect(get(`${tls.url}/metadata`, { certificates: () => other.cert })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('self-signed certificate'),
    });
  });

  it('asks by http also where the certificates cannot be read', async () => {
    const certificates = () => {
      throw new Error('ENOENT: no such file');
    };
    expect(await get(`${plain.url}/metadata`, { certificates })).toBe('a link');
    const refused = get(`${tls.url}/metadata`, { certificates });
    await expect(refused).rejects.toMatchObject({ message: `${tls.url}/metadata: ENOENT: no such file` });
  });

  it('goes through a proxy, by its whole address or joined to it', async () => {
    const proxies = { ...noProxies, http: `http://me:secret@${proxy.place}`, https: `http://${proxy.place}` };
    expect(await get(`${plain.url}/metadata`, { proxies })).toBe('a link');
    expect(await get(`${tls.url}/metadata`, { proxies })).toBe('a link');
    expect(proxy.requests).toEqual([
      `GET ${plain.url}/metadata Basic ${Buffer.from('me:secret').toString('base64')}`,
      `CONNECT ${new URL(tls.url).host}`,
    ]);
    await expect(get('https://127.0.0.1:1/', { proxies })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(`its proxy ${proxy.place} answers 502`),
    });
  });

  it('sends the credentials of an address, and never shows them', async () => {
    const url = new URL(`${plain.url}/none`);
    url.username = 'me';
    url.password = 's%C3%A9cret';
    await expect(get(url.href)).rejects.toMatchObject({
      message: `${plain.url}/none: the server answers 404`,
    });
    expect(plain.headers.at(-1)?.authorization).toBe(`Basic ${Buffer.from('me:sécret').toString('base64')}`);
  });
});
