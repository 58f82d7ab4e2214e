import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../lib/daemon/clock.ts';
import type { Log } from '../lib/daemon/log.ts';
import { RateLimit } from '../lib/daemon/rate-limit.ts';
import type { Answer, Answerer } from './answer.ts';

export type Place = Readonly<{ host: string; port: number }>;

/** A forge's own cap is 25 MiB; a push that says more than this is cut by none of them. */
export const maxBodyBytes = 4 * 1_048_576;
const maxHeaderBytes = 16_384;
const maxConnections = 64;
const requestMs = 30_000;
const idleMs = 5_000;
/** Refusals of strangers that are told in a minute. */
const toldPerMinute = 30;

/** Listens for hooks' calls. Resolves once it does; rejects where it cannot. */
export async function serveHooks(
  place: Place,
  { answerer, clock, log }: Readonly<{ answerer: Answerer; clock: Clock; log: Log }>,
): Promise<Readonly<{ port: number; close(): Promise<void> }>> {
  const told = new RateLimit(clock, toldPerMinute);
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      keepAliveTimeout: idleMs,
    },
    (request, response) => {
      const from = request.socket.remoteAddress;
      answerOne(answerer, request)
        .catch((error: unknown): Answer => {
          log.error('call failed', { say: error instanceof Error ? error.message : String(error) });
          return { status: 500, say: 'failed: the reason is in the journal here' };
        })
        .then((answer) => {
          if (answer.status < 500 && answer.status !== 202 && told.take(1)) {
            log.warning('refused', { status: answer.status, say: answer.say, url: request.url, from });
          }
          send(response, answer);
        });
    },
  );
  server.maxConnections = maxConnections;
  await listen(server, place);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : place.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

async function answerOne(answerer: Answerer, request: IncomingMessage): Promise<Answer> {
  const hook = answerer.hookOf(request.url ?? '');
  if (hook === undefined) return { status: 404, say: 'no such hook: expected /hooks/NAME' };
  if (request.method !== 'POST') return { status: 405, say: 'expected POST' };
  const body = await readBody(request);
  if (body === undefined) return { status: 413, say: `more than ${maxBodyBytes} bytes` };
  return await answerer.answer(hook, { headers: request.headers, body });
}

/** The body's bytes; undefined beyond the cap. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, { status, say, retrySeconds }: Answer): void {
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    ...(retrySeconds === undefined ? {} : { 'Retry-After': String(retrySeconds) }),
    ...(status === 405 ? { Allow: 'POST' } : {}),
    // What is still on its way of a body that was too long is not read.
    ...(status === 202 ? {} : { Connection: 'close' }),
  };
  response.writeHead(status, headers).end(`${say}\n`);
}

function listen(server: Server, { host, port }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
