import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openDownloads } from './downloads.ts';

/** What the one web server answers: a folder as it is, or a mirror that is passed through but for what it refuses. */
type Site = Readonly<{ folder: string }> | Readonly<{ mirror: string; refuses?: (path: string) => boolean }>;
export type Sites = Readonly<Record<string, Site>>;

/**
 * Serves sites on loopback, each under the first segment of the path. apt's in-toto method speaks plain http to an
 * archive only, so the machine's own mirror is passed through, whatever it speaks.
 */
export async function serveSites(sites: Sites): Promise<{ url: string; close: () => Promise<void> }> {
  const download = openDownloads();
  const server = createServer((request, response) => {
    answer(sites, request, response, download).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function answer(
  sites: Sites,
  request: IncomingMessage,
  response: ServerResponse,
  download: ReturnType<typeof openDownloads>,
): Promise<void> {
  const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
  const [, name = '', ...rest] = path.split('/');
  const site = sites[name];
  if (!site || rest.includes('..')) return void response.writeHead(404).end();
  if ('mirror' in site) {
    if (site.refuses?.(path)) return void response.writeHead(403).end();
    const body = await download(`${site.mirror.replace(/\/$/, '')}/${rest.join('/')}`);
    if (!body) return void response.writeHead(404).end();
    response.writeHead(200);
    return pipeline(body, response);
  }
  const file = join(site.folder, ...rest);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-length': found.size });
  return pipeline(createReadStream(file), response);
}
