import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { QubeName } from '../../lib/domain/names.ts';

/** The daemon's end of one call that `relay.pl` carries; its head tells the wire. */

const kinds = { exit: 0, stdout: 1, stderr: 2 } as const;
/** What the relay reads at once. */
const maxPieceBytes = 65_536;

/** What relay.pl would not have sent. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code = 'protocol';
}

/** A call of a service that thinks it is a program. */
export interface RelayedCall {
  readonly source: QubeName;
  /** Standard input, each piece as one read gave it. */
  readonly input: AsyncIterable<Buffer>;
  readonly stdout: Writable;
  /** Standard error. */
  say(text: string): void;
}

export function relayedCall(
  socket: Socket,
  source: QubeName,
): RelayedCall & { exit(status: number): Promise<void> } {
  const send = (kind: number, bytes: Buffer, done?: (error?: Error | null) => void) => {
    const head = Buffer.alloc(5);
    head.writeUInt8(kind);
    head.writeUInt32BE(bytes.length, 1);
    socket.write(Buffer.concat([head, bytes]), done);
  };
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => send(kinds.stdout, chunk, done),
  });
  stdout.on('error', () => {});
  return {
    source,
    input: pieces(socket),
    stdout,
    say: (text) => send(kinds.stderr, Buffer.from(text)),
    async exit(status) {
      await new Promise<void>((resolve) => stdout.end(() => resolve()));
      const word = Buffer.alloc(4);
      word.writeUInt32BE(status);
      send(kinds.exit, word);
      socket.end();
    },
  };
}

async function* pieces(socket: Socket): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  // Who has read enough still answers.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= 4) {
      const length = held.readUInt32BE();
      if (length > maxPieceBytes) throw new RelayError(`a piece of ${length} bytes`);
      if (length === 0) return;
      if (held.length < 4 + length) break;
      const piece = held.subarray(4, 4 + length);
      held = held.subarray(4 + length);
      yield piece;
    }
  }
}
