import type { Writable } from 'node:stream';
import { OpenPgpError } from './error.ts';

/**
 * The wire of split GPG 1, service `qubes.Gpg` (facts: split-gpg; QubesOS/qubes-app-linux-split-gpg src/multiplex.c):
 * one header with the arguments, then frames both ways, all integers little-endian.
 */

export const commandBytes = 1_024;
export const headerBytes = 4 + commandBytes;
/** Bytes of one frame's data; the real ends give up on a longer one. */
export const maxFrameData = 4_096;

/** Indexes into the list of descriptors of that direction, not descriptors. */
export const streams = { stdin: 0, stdout: 0, stderr: 1 } as const;

const frameHeaderBytes = 8;

/** The header for these arguments: `len`, then a NUL before the first argument and after each. */
export function encodeCommand(args: readonly string[]): Buffer {
  const command = Buffer.from(`\0${args.map((arg) => `${arg}\0`).join('')}`, 'utf8');
  if (command.length > commandBytes || args.some((arg) => arg.includes('\0'))) {
    throw new OpenPgpError('too-large', 'the arguments do not fit into a split-GPG command');
  }
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(command.length - 1);
  command.copy(header, 4);
  return header;
}

/**
 * The arguments of a header, checked as the real server does: length, final NUL, printable UTF-8.
 *
 * @throws OpenPgpError with the server's own words
 */
export function decodeCommand(untrustedHeader: Buffer): readonly string[] {
  if (untrustedHeader.length !== headerBytes) {
    throw new OpenPgpError('malformed', `ERROR: Invalid header size: ${untrustedHeader.length}`);
  }
  const length = untrustedHeader.readUInt32LE();
  if (length >= commandBytes) throw new OpenPgpError('too-large', 'ERROR: Command too long');
  const command = untrustedHeader.subarray(4, 4 + length + 1);
  if (command[length] !== 0) {
    throw new OpenPgpError('malformed', 'gpg-server: ERROR: command not NUL-terminated');
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(command.subarray(0, length));
  } catch (cause) {
    throw unprintable(cause);
  }
  if ([...text].some((one) => one !== '\0' && (one < ' ' || one === '\x7f'))) throw unprintable();
  // Each NUL begins an argument; what stands before the first is ignored.
  return text.split('\0').slice(1);
}

export type Frame =
  | Readonly<{ kind: 'data'; stream: number; data: Buffer }>
  | Readonly<{ kind: 'end'; stream: number }>
  | Readonly<{ kind: 'exit'; code: number }>;

/** A piece of a stream, header and data in one, as the readers assume. */
export function encodeData(stream: number, data: Uint8Array): Buffer {
  return Buffer.concat([frameHeader(stream, data.length), data]);
}

export function encodeEnd(stream: number): Buffer {
  return frameHeader(stream, 0);
}

/** Server to client, the last frame of all. */
export function encodeExit(code: number): Buffer {
  return frameHeader(-(code + 1), 0);
}

/**
 * Reads frames as they arrive, with the real ends' checks in their order (`process_in`); a stream that ends within a
 * frame's header has just ended.
 *
 * @param count how many streams there are in this direction
 * @throws OpenPgpError `malformed` for a frame that is too long, of an unknown stream, or whose data is cut short
 */
export async function* readFrames(
  untrustedBytes: AsyncIterable<Buffer>,
  count: number,
): AsyncGenerator<Frame, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of untrustedBytes) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let at = 0;
    while (held.length - at >= frameHeaderBytes) {
      const stream = held.readInt32LE(at);
      const length = held.readUInt32LE(at + 4);
      if (length > maxFrameData) {
        // As C's %d shows it.
        throw new OpenPgpError('malformed', `ERROR: Invalid block size received (${length | 0})`);
      }
      if (stream >= count) throw new OpenPgpError('malformed', 'ERROR: invalid fd number');
      const end = at + frameHeaderBytes + length;
      if (stream < 0) {
        yield { kind: 'exit', code: -(stream + 1) };
        return;
      }
      if (held.length < end) break;
      if (length === 0) yield { kind: 'end', stream };
      else yield { kind: 'data', stream, data: held.subarray(at + frameHeaderBytes, end) };
      at = end;
    }
    held = held.subarray(at);
  }
  if (held.length < frameHeaderBytes) return;
  const expected = held.readUInt32LE(4);
  throw new OpenPgpError(
    'malformed',
    `ERROR: received incomplete block (expected ${expected}, got ${held.length - frameHeaderBytes})`,
  );
}

/** Writes, and waits while the other side is behind; once the stream is closed there is nothing to wait for. */
export function writeBytes(stream: Writable, bytes: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

function frameHeader(stream: number, length: number): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeInt32LE(stream);
  header.writeUInt32LE(length, 4);
  return header;
}

function unprintable(cause?: unknown): OpenPgpError {
  const message = 'Command line arguments must be printable UTF-8, sorry';
  return new OpenPgpError('malformed', message, cause === undefined ? {} : { cause });
}
