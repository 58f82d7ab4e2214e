import {
  request as httpRequest,
  type IncomingMessage,
  Agent as PlainAgent,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../lib/daemon/clock.ts';
import { connectionReason, NetError } from '../../lib/net/errors.ts';
import { type Proxies, proxyFor } from '../../lib/net/proxies.ts';
import { isRedirect, maxRedirects, redirected } from '../../lib/net/redirects.ts';

export interface FetcherOptions {
  readonly clock: Clock;
  readonly proxies: Proxies;
  /** Certificates to trust, PEM, or Node's own list if there is none; asked once, when they are needed. */
  readonly certificates: () => string | undefined;
  /** Within which the last byte must have come. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

const connectionsPerHost = 8;
const userAgent = 'package-rebuilder-client';

/**
 * Small files by http and https, on Node's own client: lib/net stands on undici, which needs a newer Node than Debian 12
 * has.
 */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #plain = new PlainAgent({ keepAlive: true, maxSockets: connectionsPerHost });
  #tls: { readonly context: SecureContext; readonly agent: TlsAgent } | undefined;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** @throws NetError */
  async get(uri: string): Promise<Buffer> {
    const { clock, timeoutMs } = this.#options;
    const late = new AbortController();
    const done = new AbortController();
    clock.sleep(timeoutMs, done.signal).then(
      () => late.abort(),
      () => {},
    );
    try {
      return await this.#follow(uri, late.signal);
    } catch (cause) {
      if (late.signal.aborted) {
        throw new NetError('unreachable', uri, `no whole answer within ${timeoutMs / 1_000} s`, { cause });
      }
      if (cause instanceof NetError) throw cause;
      throw new NetError('unreachable', uri, connectionReason(cause), { cause });
    } finally {
      done.abort();
    }
  }

  async #follow(uri: string, signal: AbortSignal): Promise<Buffer> {
    let url = parseUrl(uri);
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const response = await this.#ask(url, signal);
      const { statusCode = 0, headers } = response;
      if (statusCode === 200) return await this.#body(response, uri);
      response.destroy();
      if (isRedirect(statusCode) && headers.location !== undefined) {
        url = redirected(url, headers.location, uri);
        continue;
      }
      const missing = statusCode === 404 || statusCode === 410;
      throw new NetError(missing ? 'not-found' : 'refused', uri, `the server answers ${statusCode}`);
    }
    throw new NetError('refused', uri, `more than ${maxRedirects} redirects`);
  }

  async #ask(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const headers = {
      host: url.host,
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': userAgent,
      ...credentials('authorization', url),
    };
    const path = url.pathname + url.search;
    const proxy = proxyFor(url, this.#options.proxies);
    if (proxy === null) return await this.#send(url, { headers, path, signal });
    const through = parseUrl(proxy);
    if (url.protocol === 'http:') {
      const asked = { ...headers, ...credentials('proxy-authorization', through) };
      return await this.#send(through, { headers: asked, path: url.origin + path, signal });
    }
    const socket = await this.#tunnel(through, url, signal);
    const { host, port } = placeOf(url);
    const { context } = this.#trust();
    const createConnection = () =>
      connect({ socket, host, port, servername: isIP(host) ? '' : host, secureContext: context });
    return await this.#send(url, { headers, path, createConnection, agent: undefined, signal });
  }

  /** A way through a proxy to where TLS is spoken: RFC 9110, 9.3.6. */
  #tunnel(through: URL, url: URL, signal: AbortSignal): Promise<Socket> {
    const { host, port } = placeOf(url);
    const target = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
    return new Promise((resolve, reject) => {
      const request = this.#request(through, {
        method: 'CONNECT',
        path: target,
        headers: { host: target, 'user-agent': userAgent, ...credentials('proxy-authorization', through) },
        signal,
      });
      request.on('error', reject);
      request.once('connect', ({ statusCode }, socket) => {
        if (statusCode === 200) return resolve(socket as Socket);
        socket.destroy();
        reject(new NetError('unreachable', url.href, `its proxy ${through.host} answers ${statusCode}`));
      });
      request.end();
    });
  }

  #send(to: URL, options: RequestOptions, again = true): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = this.#request(to, options);
      request.once('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The server may close a connection that was kept while it is used again.
        const closed = request.reusedSocket && error.code === 'ECONNRESET';
        if (closed && again) this.#send(to, options, false).then(resolve, reject);
        else reject(error);
      });
      request.end();
    });
  }

  #request(to: URL, options: RequestOptions) {
    const place = placeOf(to);
    if (to.protocol === 'http:') return httpRequest({ ...place, agent: this.#plain, ...options });
    return httpsRequest({ ...place, agent: this.#trust().agent, ...options });
  }

  async #body(response: IncomingMessage, uri: string): Promise<Buffer> {
    const { maxBytes } = this.#options;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new NetError('too-large', uri, `has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Reading certificates takes a while, and most rebuilders that answer by http need none. */
  #trust() {
    if (this.#tls === undefined) {
      const ca = this.#options.certificates();
      const context = createSecureContext(ca === undefined ? {} : { ca });
      const agent = new TlsAgent({
        keepAlive: true,
        maxSockets: connectionsPerHost,
        secureContext: context,
      });
      this.#tls = { context, agent };
    }
    return this.#tls;
  }
}

function parseUrl(uri: string): URL {
  let url: URL;
  try {
    url = new URL(uri);
  } catch (cause) {
    throw new NetError('unsupported', uri, 'is no URL', { cause });
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  throw new NetError('unsupported', uri, 'only http and https are known');
}

function placeOf(url: URL): { host: string; port: number } {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port };
}

/** RFC 7617. */
function credentials(header: string, { username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = [username, password].map(decodeURIComponent).join(':');
  return { [header]: `Basic ${Buffer.from(pair).toString('base64')}` };
}
