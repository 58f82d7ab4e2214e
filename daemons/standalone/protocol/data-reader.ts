import { type DataKind, MessageError, maxDataChunk, messageHeaderBytes, messageKinds } from './messages.ts';

/** Short messages are handed on whole: split-GPG's server expects its header in one read. */
const wholeBelow = 4_096;

export interface DataHandler {
  /** Bytes of one stream; a long message may come in parts. */
  data(kind: DataKind, chunk: Buffer): void;
  /** The stream of that kind has ended. */
  end(kind: DataKind): void;
}

/** Takes the data messages of one direction apart, however the bytes are cut on their way. */
export class DataReader {
  #held = Buffer.alloc(0);
  #kind: DataKind = messageKinds.stdin;
  #left = 0;

  constructor(readonly handler: DataHandler) {}

  /** Throws `MessageError` for an unknown kind or a message above `maxDataChunk`. */
  push(chunk: Buffer): void {
    let bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    for (;;) {
      if (this.#left === 0) {
        if (bytes.length < messageHeaderBytes) break;
        this.#open(bytes);
        bytes = bytes.subarray(messageHeaderBytes);
        continue;
      }
      if (bytes.length === 0 || (this.#left <= wholeBelow && bytes.length < this.#left)) break;
      const part = bytes.subarray(0, this.#left);
      this.#left -= part.length;
      bytes = bytes.subarray(part.length);
      this.handler.data(this.#kind, part);
    }
    this.#held = Buffer.from(bytes);
  }

  #open(bytes: Buffer): void {
    const kind = bytes.readUInt32LE(0);
    const length = bytes.readUInt32LE(4);
    if (!isDataKind(kind)) throw new MessageError(`unknown message ${kind}`);
    if (length > maxDataChunk) throw new MessageError(`too big data chunk received: ${length}`);
    this.#kind = kind;
    this.#left = length;
    if (length === 0) this.handler.end(kind);
  }
}

function isDataKind(kind: number): kind is DataKind {
  return kind >= messageKinds.stdin && kind <= messageKinds.exitCode;
}
