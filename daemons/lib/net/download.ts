import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import type { Clock } from '../daemon/clock.ts';
import type { Sha256 } from '../domain/names.ts';
import { NetError, withoutCredentials } from './errors.ts';
import { HttpClient, type HttpTimeouts, reason, Transient } from './http.ts';
import { Limiter } from './limiter.ts';
import { isLocal, openLocal } from './local.ts';
import { noProxies, type Proxies } from './proxies.ts';

export interface DownloadsOptions {
  readonly clock: Clock;
  readonly proxies?: Proxies;
  readonly certificates?: string | null;
  readonly timeouts?: HttpTimeouts;
  /** Requests to one host at a time. */
  readonly atOnce?: number;
  /** Attempts that bring nothing new before a file is given up. */
  readonly tries?: number;
  /** Told before each wait. */
  readonly onRetry?: (uri: string, why: string, waitMs: number) => void;
}

/** What a file must be, as a signed index says. */
export type Expected = Readonly<{ sha256: Sha256; size: number }>;

export interface FetchOptions {
  /** Bytes at most; a longer file is refused as soon as that is known. */
  readonly max: number;
  readonly expected?: Expected;
  readonly signal?: AbortSignal;
}

export const defaultTimeouts: HttpTimeouts = { connectMs: 15_000, answerMs: 30_000, bodyMs: 30_000 };
const defaultAtOnce = 8;
const defaultTries = 4;
const firstWaitMs = 500;
const longestWaitMs = 30_000;
/** A server that asks for more than this is treated as away. */
const longestRetryAfterMs = 120_000;
/** Even a server that always brings a little more is given up some time. */
const maxAttempts = 60;

/**
 * Brings files by `http:`, `https:`, `file:` and `copy:`. What breaks off is taken up where it ended, what fails is
 * tried again after a wait that grows, or that the server asked for.
 */
export class Downloads {
  readonly #http: HttpClient;
  readonly #limiter: Limiter;
  readonly #options: DownloadsOptions;

  constructor(options: DownloadsOptions) {
    const atOnce = options.atOnce ?? defaultAtOnce;
    this.#options = options;
    this.#limiter = new Limiter({ clock: options.clock, atOnce });
    this.#http = new HttpClient({
      timeouts: options.timeouts ?? defaultTimeouts,
      proxies: options.proxies ?? noProxies,
      certificates: options.certificates ?? null,
      connectionsPerHost: atOnce,
      now: () => options.clock.now(),
    });
  }

  /**
   * Hands a file's bytes to `consume` as they come. They are what was expected only when the stream ended without an
   * error. `consume` is called a second time, from the start, if a file that was put together of two answers is not.
   *
   * @throws NetError; the signal's reason; what `consume` throws
   */
  async to<T>(
    uri: string,
    options: FetchOptions,
    consume: (bytes: AsyncIterable<Buffer>) => Promise<T>,
  ): Promise<T> {
    const transfer = new Transfer(uri, options);
    try {
      return await consume(this.#checked(transfer));
    } catch (error) {
      const joined = error instanceof NetError && error.code === 'mismatch' && transfer.attempts > 1;
      if (!joined) throw error;
      return await consume(this.#checked(new Transfer(uri, options)));
    }
  }

  /** Writes a file to `path`, which must not exist; nothing is left of it on failure. See {@link to}. */
  async toFile(uri: string, path: string, options: FetchOptions): Promise<void> {
    await this.to(uri, options, async (bytes) => {
      const file = await open(path, 'wx', 0o600);
      try {
        for await (const chunk of bytes) await file.writeFile(chunk);
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      } finally {
        await file.close();
      }
    });
  }

  /** A small file whole. See {@link to}. */
  async read(uri: string, options: FetchOptions): Promise<Buffer> {
    return await this.to(uri, options, async (bytes) => {
      const chunks: Buffer[] = [];
      for await (const chunk of bytes) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  /** All attempts as one stream, whose end vouches for it. */
  async *#checked(transfer: Transfer): AsyncGenerator<Buffer> {
    const { expected } = transfer.options;
    const hash = createHash('sha256');
    for await (const chunk of this.#attempts(transfer)) {
      if (expected !== undefined) hash.update(chunk);
      yield chunk;
    }
    if (expected === undefined) return;
    const sha256 = hash.digest('hex');
    if (sha256 === expected.sha256 && transfer.size === expected.size) return;
    throw new NetError(
      'mismatch',
      transfer.uri,
      `is not what was expected: sha256 ${sha256} and ${transfer.size} bytes instead of ` +
        `${expected.sha256} and ${expected.size}`,
    );
  }

  async *#attempts(transfer: Transfer): AsyncGenerator<Buffer> {
    const { signal } = transfer.options;
    const tries = this.#options.tries ?? defaultTries;
    transfer.checkSize(transfer.options.expected?.size ?? 0);
    for (let fruitless = 0; ; ) {
      const before = transfer.size;
      transfer.attempts += 1;
      try {
        yield* isLocal(transfer.uri) ? readLocal(transfer) : this.#attempt(transfer);
        return;
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof Transient)) throw error;
        fruitless = transfer.size > before ? 0 : fruitless + 1;
        if (fruitless >= tries || transfer.attempts >= maxAttempts) throw transfer.givenUp(error);
        await this.#pause(transfer, error, fruitless);
      }
    }
  }

  /** One request, from where the last one ended. */
  async *#attempt(transfer: Transfer): AsyncGenerator<Buffer> {
    const { uri, options } = transfer;
    if (!/^https?:/i.test(uri)) {
      throw new NetError('unsupported', uri, 'only http, https, file and copy are known');
    }
    const leave = await this.#limiter.enter(new URL(uri).host, options.signal);
    try {
      const body = await this.#http.get(uri, transfer.range(), options.signal);
      transfer.validator = body.validator;
      transfer.checkSize(body.total ?? 0);
      try {
        yield* transfer.count(body.bytes, body.from);
      } catch (error) {
        if (error instanceof NetError) throw error;
        options.signal?.throwIfAborted();
        throw new Transient(reason(error), undefined, { cause: error });
      }
      if (body.total !== undefined && transfer.size < body.total) {
        throw new Transient('the connection was cut', undefined);
      }
    } finally {
      leave();
    }
  }

  async #pause(transfer: Transfer, error: Transient, fruitless: number): Promise<void> {
    const { clock, onRetry } = this.#options;
    const grown = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.max(0, fruitless - 1));
    const wait = error.retryAfterMs ?? grown * (0.5 + clock.random());
    if (wait > longestRetryAfterMs) {
      const seconds = Math.round(wait / 1_000);
      throw new NetError('unreachable', transfer.uri, `${error.message} and asks for ${seconds} s`);
    }
    // A server that names a time means all who ask.
    if (error.retryAfterMs !== undefined) this.#limiter.pause(new URL(transfer.uri).host, wait);
    onRetry?.(withoutCredentials(transfer.uri), error.message, wait);
    await clock.sleep(wait, transfer.options.signal);
  }
}

async function* readLocal(transfer: Transfer): AsyncGenerator<Buffer> {
  const { size, bytes } = await openLocal(transfer.uri);
  transfer.checkSize(size);
  yield* transfer.count(bytes, 0);
}

/** One file on its way, over as many requests as it takes. */
class Transfer {
  /** Bytes handed on. */
  size = 0;
  attempts = 0;
  validator: string | undefined;

  constructor(
    readonly uri: string,
    readonly options: FetchOptions,
  ) {}

  /** Without a validator, only what is compared with a hash afterwards may be joined from two answers. */
  range(): { from: number; validator: string | undefined } {
    const joinable = this.validator !== undefined || this.options.expected !== undefined;
    if (this.size > 0 && !joinable) {
      throw new NetError('truncated', this.uri, `the connection was cut after ${this.size} bytes`);
    }
    return { from: this.size, validator: this.validator };
  }

  /** Passes on what is new of bytes that begin at `from`: a server may start again at the beginning. */
  async *count(bytes: AsyncIterable<Buffer>, from: number): AsyncGenerator<Buffer> {
    let at = from;
    for await (const chunk of bytes) {
      const known = Math.min(chunk.length, Math.max(0, this.size - at));
      at += chunk.length;
      if (known === chunk.length) continue;
      this.checkSize(at);
      this.size = at;
      yield chunk.subarray(known);
    }
  }

  checkSize(size: number): void {
    const { expected, max } = this.options;
    if (size > max) throw new NetError('too-large', this.uri, `has more than ${max} bytes`);
    if (expected !== undefined && size > expected.size) {
      throw new NetError('mismatch', this.uri, `has more than the expected ${expected.size} bytes`);
    }
  }

  givenUp(error: Transient): NetError {
    if (this.size === 0) return new NetError('unreachable', this.uri, error.message, { cause: error });
    const say = `${error.message} after ${this.size} bytes`;
    return new NetError('truncated', this.uri, say, { cause: error });
  }
}
