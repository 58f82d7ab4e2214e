import type { Socket } from 'node:net';
import type { Clock } from '../../lib/daemon/clock.ts';

const probeEveryMs = 500;
const nothing = Buffer.alloc(0);

/**
 * Notices that a peer has closed its socket where no read would: while reading is paused, or after the peer's half-close.
 * An empty write to a UNIX socket sends nothing and fails with EPIPE once the other side is gone, which closes ours.
 */
export class PeerProbe {
  readonly #watched = new Map<Socket, () => boolean>();
  #running = false;

  constructor(readonly clock: Clock) {}

  /** Probes the socket whenever `when` holds, until it closes. */
  watch(socket: Socket, when: () => boolean): void {
    if (socket.destroyed) return;
    this.#watched.set(socket, when);
    socket.once('close', () => this.#watched.delete(socket));
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#watched.size > 0) {
      await this.clock.sleep(probeEveryMs);
      for (const [socket, when] of this.#watched) {
        if (when() && socket.writable && socket.writableLength === 0) socket.write(nothing);
      }
    }
    this.#running = false;
  }
}
