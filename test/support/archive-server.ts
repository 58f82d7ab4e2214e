import { createReadStream, existsSync, statSync } from 'node:fs';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import type { Certificate } from './certificate.ts';

/**
 * How a served path misbehaves. `truncate`: announces the whole and closes after `bytes`. `stall`: sends `bytes`, then
 * nothing. `reset`: closes without an answer. `bytes`: other bytes than the file's.
 */
export type Misbehaviour =
  | Readonly<{ kind: 'status'; status: number; headers?: Readonly<Record<string, string>> }>
  | Readonly<{ kind: 'truncate'; bytes: number }>
  | Readonly<{ kind: 'stall'; bytes: number }>
  | Readonly<{ kind: 'reset' }>
  | Readonly<{ kind: 'bytes'; bytes: Uint8Array }>
  | Readonly<{ kind: 'redirect'; to: string }>;

interface Rule {
  readonly path: RegExp;
  readonly how: Misbehaviour;
  left: number;
}

type Options = Readonly<{ ranges: boolean; etag: boolean; tls: Certificate | undefined }>;

/** A server of a folder, on loopback, with byte ranges, that can be told to misbehave; http, or with a certificate https. */
export class ArchiveServer {
  readonly #server: Server;
  readonly #rules: Rule[] = [];
  /** Method and path of every request, in order. */
  readonly requests: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  /** The most requests that were being answered at once. */
  busiest = 0;
  #busy = 0;

  private constructor(
    readonly root: string,
    readonly options: Options,
  ) {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    this.#server = options.tls === undefined ? createServer(answer) : createTlsServer(options.tls, answer);
  }

  static async start(root: string, options: Partial<Options> = {}): Promise<ArchiveServer> {
    const server = new ArchiveServer(root, { ranges: true, etag: true, tls: undefined, ...options });
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `${this.options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Paths that match misbehave, `times` times or for ever; the first rule that matches counts. */
  misbehave(path: RegExp, how: Misbehaviour, times = Number.POSITIVE_INFINITY): void {
    this.#rules.push({ path, how, left: times });
  }

  behave(): void {
    this.#rules.length = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#busy += 1;
    this.busiest = Math.max(this.busiest, this.#busy);
    response.once('close', () => {
      this.#busy -= 1;
    });
    const path = decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/');
    this.requests.push(`${request.method} ${path}`);
    this.headers.push(request.headers);
    const rule = this.#rules.find((candidate) => candidate.left > 0 && candidate.path.test(path));
    if (rule !== undefined) rule.left -= 1;
    const file = join(this.root, normalize(path));
    const exists = existsSync(file) && statSync(file).isFile();
    if (rule === undefined && exists) this.#send(request, response, file);
    else if (rule === undefined) response.writeHead(404).end('not here\n');
    else this.#misbehave(request, response, rule.how, exists ? file : undefined);
  }

  #send(request: IncomingMessage, response: ServerResponse, file: string): void {
    const { size, mtimeMs } = statSync(file);
    const etag = `"${size}-${mtimeMs}"`;
    const range = this.options.ranges ? /^bytes=(\d+)-$/.exec(request.headers.range ?? '') : null;
    const matches = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    const headers = { ...(this.options.etag ? { etag } : {}) };
    if (range !== null && matches) {
      const start = Number(range[1]);
      if (start >= size) {
        response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
        return;
      }
      const partial = {
        'content-range': `bytes ${start}-${size - 1}/${size}`,
        'content-length': size - start,
      };
      response.writeHead(206, { ...headers, ...partial });
      createReadStream(file, { start }).pipe(response);
      return;
    }
    response.writeHead(200, { ...headers, 'content-length': size });
    createReadStream(file).pipe(response);
  }

  #misbehave(
    request: IncomingMessage,
    response: ServerResponse,
    how: Misbehaviour,
    file: string | undefined,
  ): void {
    switch (how.kind) {
      case 'status':
        response.writeHead(how.status, { ...how.headers }).end();
        return;
      case 'redirect':
        response.writeHead(302, { location: how.to }).end();
        return;
      case 'reset':
        // A response that waits for the one before it has no socket yet.
        request.socket.destroy();
        return;
      case 'bytes':
        response.writeHead(200, { 'content-length': how.bytes.length }).end(how.bytes);
        return;
      default: {
        if (file === undefined) throw new Error('nothing to serve a part of');
        response.writeHead(200, { 'content-length': statSync(file).size });
        response.flushHeaders();
        if (how.bytes === 0) {
          if (how.kind === 'truncate') request.socket.end();
          return;
        }
        const part = createReadStream(file, { end: how.bytes - 1 });
        part.on('end', () => {
          if (how.kind === 'truncate') request.socket.end();
        });
        part.pipe(response, { end: false });
      }
    }
  }
}
