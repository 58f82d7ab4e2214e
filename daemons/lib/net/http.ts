import { Agent, type Dispatcher, errors, ProxyAgent } from 'undici';
import { parseRfcDate } from '../domain/date.ts';
import { connectionCut, connectionReason, NetError } from './errors.ts';
import { type Proxies, proxyFor } from './proxies.ts';
import { isRedirect, maxRedirects, redirected } from './redirects.ts';

/** Milliseconds of silence after which a server is given up, at each stage of a request. */
export interface HttpTimeouts {
  readonly connectMs: number;
  readonly answerMs: number;
  readonly bodyMs: number;
}

export interface HttpOptions {
  readonly timeouts: HttpTimeouts;
  readonly proxies: Proxies;
  /** Certificates to trust, PEM; Node's own list if there is none. */
  readonly certificates: string | null;
  readonly connectionsPerHost: number;
  /** Wall milliseconds, for dates in Retry-After. */
  now(): number;
}

/** Bytes that begin at `from`; `total` is the whole file's size where the server said so. */
export interface HttpBody {
  readonly from: number;
  readonly total: number | undefined;
  /** What makes a later range safe to join: a strong ETag or Last-Modified. */
  readonly validator: string | undefined;
  readonly bytes: AsyncIterable<Buffer>;
}

/** A server that may answer better later. */
export class Transient extends Error {
  override readonly name = 'Transient';
  constructor(
    message: string,
    /** As the server asked for, if it did. */
    readonly retryAfterMs: number | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const userAgent = 'package-rebuilder';

/** GET requests, redirects followed, through the right proxy. The only user of undici. */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /**
   * Asks for a file, from `range.from` on if that is more than 0 and the server can still join it.
   *
   * @throws NetError for an answer that will not change, Transient for one that may
   */
  async get(
    uri: string,
    range: Readonly<{ from: number; validator: string | undefined }>,
    signal: AbortSignal | undefined,
  ): Promise<HttpBody> {
    let url = new URL(uri);
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const response = await this.#request(url, range, signal);
      const location = response.headers.location;
      if (isRedirect(response.statusCode) && typeof location === 'string') {
        await discard(response);
        url = redirected(url, location, uri);
        continue;
      }
      return await this.#bodyOf(response, range.from, uri);
    }
    throw new NetError('refused', uri, `more than ${maxRedirects} redirects`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    this.#dispatchers.clear();
  }

  async #request(
    url: URL,
    range: Readonly<{ from: number; validator: string | undefined }>,
    signal: AbortSignal | undefined,
  ): Promise<Dispatcher.ResponseData> {
    const { timeouts } = this.#options;
    const credentials =
      decodeURIComponent(url.username) + (url.password && `:${decodeURIComponent(url.password)}`);
    const proxy = proxyFor(url, this.#options.proxies);
    try {
      return await this.#dispatcher(proxy).request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: {
          'user-agent': userAgent,
          accept: '*/*',
          // Bytes are hashed as they are served: nothing on the way may pack them again.
          'accept-encoding': 'identity',
          ...(range.from > 0 ? { range: `bytes=${range.from}-` } : {}),
          ...(range.from > 0 && range.validator !== undefined ? { 'if-range': range.validator } : {}),
          ...(credentials ? { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } : {}),
        },
        headersTimeout: timeouts.answerMs,
        bodyTimeout: timeouts.bodyMs,
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new Transient(reason(cause), undefined, { cause });
    }
  }

  async #bodyOf(response: Dispatcher.ResponseData, from: number, uri: string): Promise<HttpBody> {
    const { statusCode, headers, body } = response;
    const length = headerNumber(headers['content-length']);
    const etag = headers.etag;
    const strong = typeof etag === 'string' && !etag.startsWith('W/') ? etag : undefined;
    const validator = strong ?? text(headers['last-modified']);
    if (statusCode === 200) return { from: 0, total: length, validator, bytes: body };
    if (statusCode === 206) {
      const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(text(headers['content-range']) ?? '');
      if (match !== null && Number(match[1]) === from) {
        const total = match[2] === '*' ? undefined : Number(match[2]);
        return { from, total, validator, bytes: body };
      }
    }
    await discard(response);
    if (statusCode === 404 || statusCode === 410) {
      throw new NetError('not-found', uri, `the server has no such file (${statusCode})`);
    }
    if (statusCode === 416 || statusCode === 206) throw new Transient('the server cannot continue there', 0);
    if (statusCode >= 500 || statusCode === 429 || statusCode === 408) {
      throw new Transient(`the server answers ${statusCode}`, this.#retryAfter(text(headers['retry-after'])));
    }
    throw new NetError('refused', uri, `the server answers ${statusCode}`);
  }

  /** RFC 9110, 10.2.3: seconds or a date. */
  #retryAfter(value: string | undefined): number | undefined {
    if (value === undefined) return undefined;
    if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1_000;
    const at = parseRfcDate(value);
    return at === undefined ? undefined : Math.max(0, at - this.#options.now());
  }

  #dispatcher(proxy: string | null): Dispatcher {
    const known = this.#dispatchers.get(proxy ?? '');
    if (known !== undefined) return known;
    const { timeouts, certificates, connectionsPerHost } = this.#options;
    const tls = certificates === null ? {} : { ca: certificates };
    const connect = { timeout: timeouts.connectMs, ...tls };
    const made =
      proxy === null
        ? new Agent({ connections: connectionsPerHost, connect })
        : // As apt: plain requests are the proxy's to answer, TLS is tunnelled.
          new ProxyAgent({
            uri: proxy,
            proxyTunnel: false,
            connections: connectionsPerHost,
            requestTls: tls,
            proxyTls: connect,
          });
    this.#dispatchers.set(proxy ?? '', made);
    return made;
  }
}

async function discard(response: Dispatcher.ResponseData): Promise<void> {
  // undici keeps a connection whose body was read to its end; a long one is not worth it.
  await response.body.dump({ limit: 65_536 }).catch(() => {});
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function headerNumber(header: string | string[] | undefined): number | undefined {
  const value = text(header);
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** What went wrong with a connection, in words for people. */
export function reason(error: unknown): string {
  if (error instanceof errors.ConnectTimeoutError) return 'no connection in time';
  if (error instanceof errors.HeadersTimeoutError) return 'no answer in time';
  if (error instanceof errors.BodyTimeoutError) return 'nothing more came in time';
  if (error instanceof errors.SocketError) return connectionCut;
  return connectionReason(error);
}
