import { createReadStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../daemon/clock.ts';
import type { Sha256 } from '../domain/names.ts';
import { NetError, withoutCredentials } from './errors.ts';
import { type HttpBody, HttpClient, type HttpTimeouts, reason, Transient } from './http.ts';
import { Limiter } from './limiter.ts';
import { noProxies, type Proxies } from './proxies.ts';
import { FileSink, MemorySink, type Sink } from './sink.ts';

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
   * Writes a file to `path`, which must not exist; nothing is left of it on failure.
   *
   * @throws NetError; the signal's reason
   */
  async toFile(uri: string, path: string, options: FetchOptions): Promise<{ sha256: Sha256; size: number }> {
    const file = await open(path, 'wx+', 0o600);
    try {
      const sink = new FileSink(file);
      await this.#bring(uri, sink, options);
      return { sha256: sink.sha256(), size: sink.size };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  /** A small file whole, as `toFile` brings it. */
  async read(uri: string, options: FetchOptions): Promise<Buffer> {
    const sink = new MemorySink();
    await this.#bring(uri, sink, options);
    return sink.bytes();
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #bring(uri: string, sink: Sink, options: FetchOptions): Promise<void> {
    if (options.expected !== undefined && options.expected.size > options.max) {
      throw new NetError(
        'too-large',
        uri,
        `has ${options.expected.size} bytes, at most ${options.max} may be`,
      );
    }
    const resumed = await this.#attempts(uri, sink, options);
    if (matches(sink, options.expected)) return;
    if (resumed) {
      // Two halves of different files, perhaps: once more from the start.
      await sink.truncate();
      await this.#attempts(uri, sink, options);
      if (matches(sink, options.expected)) return;
    }
    throw new NetError(
      'mismatch',
      uri,
      `is not what was expected: sha256 ${sink.sha256()} and ${sink.size} bytes instead of ` +
        `${options.expected?.sha256} and ${options.expected?.size}`,
    );
  }

  /** Fills the sink; whether it took more than one request. */
  async #attempts(uri: string, sink: Sink, options: FetchOptions): Promise<boolean> {
    const tries = this.#options.tries ?? defaultTries;
    let fruitless = 0;
    let validator: string | undefined;
    for (let attempt = 1; ; attempt++) {
      const before = sink.size;
      try {
        await this.#attempt(uri, sink, options, validator, (found) => {
          validator = found;
        });
        return attempt > 1;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof Transient)) throw error;
        fruitless = sink.size > before ? 0 : fruitless + 1;
        if (fruitless >= tries || attempt >= maxAttempts) throw givenUp(uri, sink, error);
        await this.#pause(uri, error, fruitless, options.signal);
      }
    }
  }

  async #attempt(
    uri: string,
    sink: Sink,
    options: FetchOptions,
    validator: string | undefined,
    onValidator: (validator: string | undefined) => void,
  ): Promise<void> {
    if (/^(?:file|copy):/i.test(uri)) return await copyLocal(uri, sink, options);
    if (!/^https?:/i.test(uri))
      throw new NetError('unsupported', uri, 'only http, https, file and copy are known');
    await this.#limiter.run(new URL(uri).host, options.signal, async () => {
      // Without a validator, only what is compared with a hash afterwards may be joined from two answers.
      const resumable = validator !== undefined || options.expected !== undefined;
      if (!resumable) await sink.truncate();
      const body = await this.#http.get(uri, { from: sink.size, validator }, options.signal);
      onValidator(body.validator);
      if (body.from === 0 && sink.size > 0) await sink.truncate();
      await this.#receive(uri, body, sink, options);
    });
  }

  async #receive(uri: string, body: HttpBody, sink: Sink, options: FetchOptions): Promise<void> {
    checkSize(uri, body.total ?? 0, options);
    try {
      for await (const chunk of body.bytes) {
        checkSize(uri, sink.size + chunk.length, options);
        await sink.write(chunk);
      }
    } catch (error) {
      if (error instanceof NetError) throw error;
      options.signal?.throwIfAborted();
      throw new Transient(reason(error), undefined, { cause: error });
    }
    const whole = options.expected?.size ?? body.total;
    if (whole !== undefined && sink.size < whole && (body.total ?? whole) >= whole) {
      throw new Transient('the connection was cut', undefined);
    }
  }

  async #pause(
    uri: string,
    error: Transient,
    fruitless: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock, onRetry } = this.#options;
    const grown = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.max(0, fruitless - 1));
    const wait = error.retryAfterMs ?? grown * (0.5 + clock.random());
    if (wait > longestRetryAfterMs) {
      throw new NetError('unreachable', uri, `${error.message} and asks for ${Math.round(wait / 1_000)} s`);
    }
    // A server that names a time means all who ask.
    if (error.retryAfterMs !== undefined) this.#limiter.pause(new URL(uri).host, wait);
    onRetry?.(withoutCredentials(uri), error.message, wait);
    await clock.sleep(wait, signal);
  }
}

function checkSize(uri: string, size: number, options: FetchOptions): void {
  const most = options.expected?.size ?? options.max;
  if (size <= Math.min(most, options.max)) return;
  throw options.expected === undefined
    ? new NetError('too-large', uri, `has more than ${options.max} bytes`)
    : new NetError('mismatch', uri, `has more than the expected ${options.expected.size} bytes`);
}

function givenUp(uri: string, sink: Sink, error: Transient): NetError {
  const code = sink.size > 0 ? 'truncated' : 'unreachable';
  const after = sink.size > 0 ? ` after ${sink.size} bytes` : '';
  return new NetError(code, uri, `${error.message}${after}`, { cause: error });
}

function matches(sink: Sink, expected: Expected | undefined): boolean {
  return expected === undefined || (sink.size === expected.size && sink.sha256() === expected.sha256);
}

async function copyLocal(uri: string, sink: Sink, options: FetchOptions): Promise<void> {
  const path = localPath(uri);
  try {
    checkSize(uri, (await stat(path)).size, options);
    for await (const chunk of createReadStream(path, { highWaterMark: 262_144 })) {
      checkSize(uri, sink.size + (chunk as Buffer).length, options);
      await sink.write(chunk as Buffer);
    }
  } catch (cause) {
    if (cause instanceof NetError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new NetError(
      missing ? 'not-found' : 'refused',
      uri,
      missing ? 'there is no such file' : reason(cause),
      {
        cause,
      },
    );
  }
}

/** `file:/path` and `file:///path`, and the same with `copy:`. */
function localPath(uri: string): string {
  try {
    return fileURLToPath(`file:${uri.slice(uri.indexOf(':') + 1)}`);
  } catch (cause) {
    throw new NetError('unsupported', uri, 'does not name a local file', { cause });
  }
}
