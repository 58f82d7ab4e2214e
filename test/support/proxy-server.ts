import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** A proxy on loopback, as RFC 9110 has it: whole addresses are fetched, CONNECT is joined. */
export class ProxyServer {
  readonly #server: Server;
  readonly #joined: Duplex[] = [];
  /** Method, target and credentials of every request, in order. */
  readonly requests: string[] = [];

  private constructor() {
    this.#server = createServer((incoming, outgoing) => {
      this.#note(incoming);
      const url = new URL(incoming.url ?? '');
      const onward = request(url, { headers: incoming.headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.writeHead(502).end());
      onward.end();
    });
    this.#server.on('connect', (incoming, socket) => {
      this.#note(incoming);
      const { hostname, port } = new URL(`http://${incoming.url}`);
      const onward = connect(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
      socket.on('error', () => onward.destroy());
      this.#joined.push(socket);
    });
  }

  static async start(): Promise<ProxyServer> {
    const proxy = new ProxyServer();
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** `host:port`. */
  get place(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    for (const socket of this.#joined) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #note(incoming: IncomingMessage): void {
    const given = incoming.headers['proxy-authorization'];
    this.requests.push([incoming.method, incoming.url, ...(given === undefined ? [] : [given])].join(' '));
  }
}
