import type { Duplex } from 'node:stream';
import type { Clock } from '../daemon/clock.ts';
import { parseQubeName, type QubeName } from '../domain/names.ts';
import { ByteReader } from './byte-reader.ts';
import { WireError } from './format.ts';
import { Liveness } from './liveness.ts';

/** Who calls what, as the qube's own qrexec agent says: the source is dom0's word. */
export interface ServedCall {
  readonly service: string;
  /** Empty when the caller gave none. */
  readonly argument: string;
  readonly source: QubeName;
}

/** Our services' names and arguments and a qube's name are far shorter; dom0 would pass 65,000 bytes. */
export const maxSocketHeaderBytes = 1_024;

/** Takes `SERVICE+ARG SP SOURCE NUL` from the connection and leaves the caller's own bytes in it (facts: qrexec §6). */
export async function readSocketHeader(socket: Duplex, clock: Clock): Promise<ServedCall> {
  const liveness = new Liveness({ clock, onLost: (error) => void socket.destroy(error) });
  const reader = new ByteReader(socket, liveness);
  try {
    const parts: Buffer[] = [];
    for (let length = 0; ; ) {
      const bytes = await reader.some(maxSocketHeaderBytes - length);
      if (bytes === undefined) throw new WireError('protocol', 'the stream ended inside the qrexec header');
      const end = bytes.indexOf(0);
      parts.push(end === -1 ? bytes : bytes.subarray(0, end));
      length += bytes.length;
      if (end !== -1) {
        reader.unread(bytes.subarray(end + 1));
        return parseSocketHeader(Buffer.concat(parts).toString('latin1'));
      }
      if (length >= maxSocketHeaderBytes) throw new WireError('protocol', 'a qrexec header that is too long');
    }
  } finally {
    liveness.close();
    reader.release();
  }
}

/** The characters that dom0 lets through (facts: qrexec §3). */
export function parseSocketHeader(untrusted: string): ServedCall {
  const fields = /^([A-Za-z0-9_.-]{1,255})\+([A-Za-z0-9_.+-]*) ([^ ]+)$/.exec(untrusted);
  if (fields === null) throw new WireError('protocol', 'not a qrexec header of a call between qubes');
  const [, service = '', argument = '', source] = fields;
  return { service, argument, source: sourceOf(source) };
}

function sourceOf(untrusted: string | undefined): QubeName {
  try {
    return parseQubeName(untrusted);
  } catch (cause) {
    throw new WireError('protocol', 'a qrexec header whose source is no qube', { cause });
  }
}
