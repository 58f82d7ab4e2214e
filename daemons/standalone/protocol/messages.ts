/** The messages of libqrexec/qrexec.h that the client and the two ends of a call exchange; all integers little-endian. */

export const messageKinds = {
  triggerService4: 0x213,
  stdin: 0x190,
  stdout: 0x191,
  stderr: 0x192,
  exitCode: 0x193,
} as const;

/** MAX_DATA_CHUNK_V3: no data message is longer. */
export const maxDataChunk = 65_536;
export const messageHeaderBytes = 8;
/** MAX_SERVICE_NAME_LEN: name, `+` and argument. */
export const maxServiceBytes = 65_000;
/** struct trigger_service_params4 up to the service's name: source, target, request id. */
export const triggerFixedBytes = 64 + 64 + 32;

/** exec_params without a command line: tells a caller that its call was allowed and is connected. */
export const connectedAnswer: Buffer = Buffer.alloc(8);

/** Exit codes of libqrexec/qrexec.h that the agent answers in place of a service. */
export const exitNotFound = 127;
export const exitProblem = 125;

export type DataKind = (typeof messageKinds)['stdin' | 'stdout' | 'stderr' | 'exitCode'];

export function messageHeader(kind: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(messageHeaderBytes);
  header.writeUInt32LE(kind, 0);
  header.writeUInt32LE(length, 4);
  return header;
}

export function exitMessage(status: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeInt32LE(status, 0);
  return Buffer.concat([messageHeader(messageKinds.exitCode, 4), body]);
}

/** What a peer sent is not a message of the protocol, or too long. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
  readonly code = 'protocol';
}

/** What a caller asks for, still as it typed it. */
export interface UntrustedTrigger {
  /** Set by a relay of a RemoteVM, else empty. */
  readonly source: Buffer;
  readonly target: Buffer;
  readonly service: Buffer;
}

/** Takes MSG_TRIGGER_SERVICE4 apart; `undefined` while bytes are missing. `rest` is what came after it. */
export function parseTrigger(
  untrusted: Buffer,
): Readonly<{ trigger: UntrustedTrigger; rest: Buffer }> | undefined {
  if (untrusted.length < messageHeaderBytes) return undefined;
  const kind = untrusted.readUInt32LE(0);
  const length = untrusted.readUInt32LE(4);
  if (kind !== messageKinds.triggerService4) throw new MessageError(`unexpected message ${kind}`);
  if (length < triggerFixedBytes + 1 || length > triggerFixedBytes + maxServiceBytes + 1) {
    throw new MessageError(`a request of ${length} bytes`);
  }
  const end = messageHeaderBytes + length;
  if (untrusted.length < end) return undefined;
  const body = untrusted.subarray(messageHeaderBytes, end);
  const service = body.subarray(triggerFixedBytes, -1);
  if (body.at(-1) !== 0) throw new MessageError('the service name does not end with NUL');
  if (service.includes(0)) throw new MessageError('the service name contains NUL');
  return {
    trigger: {
      source: upToNul(body.subarray(0, 64)),
      target: upToNul(body.subarray(64, 128)),
      service,
    },
    rest: untrusted.subarray(end),
  };
}

function upToNul(field: Buffer): Buffer {
  const end = field.indexOf(0);
  if (end < 0) throw new MessageError('a name does not end with NUL');
  return field.subarray(0, end);
}
