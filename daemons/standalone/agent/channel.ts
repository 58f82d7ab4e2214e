import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { DataReader } from '../protocol/data-reader.ts';
import {
  connectedAnswer,
  type DataKind,
  exitMessage,
  maxDataChunk,
  messageHeader,
  messageKinds,
} from '../protocol/messages.ts';

/** What the caller sends to its service. */
export interface CallerInput {
  /** False: no more until `resume`. */
  data(chunk: Buffer): boolean;
  end(): void;
}

/** The agent's end of one call: the caller's stdin in; stdout, stderr and exit code out. */
export class Channel {
  #input: CallerInput | undefined;
  #ended = false;
  #answered = false;
  readonly #held: Buffer[] = [];
  readonly #sources = new Set<Readable>();
  readonly #lost = new AbortController();

  /** `rest`: bytes of the caller's that came with the call. */
  constructor(
    readonly socket: Socket,
    rest: Buffer,
  ) {
    const reader = new DataReader({
      data: (kind, chunk) => this.#take(kind, chunk),
      end: (kind) => this.#takeEnd(kind),
    });
    const push = (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        socket.destroy();
      }
    };
    if (rest.length > 0) push(rest);
    socket.on('data', push);
    socket.on('error', () => {});
    // A caller never half-closes: its stdin ends with a message. The stream's end is the caller's.
    socket.once('end', () => socket.destroy());
    socket.once('close', () => this.#lost.abort());
    socket.on('drain', () => {
      for (const source of this.#sources) source.resume();
    });
  }

  /** Aborted when the caller or the broker is gone, or the call is over. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Tells the caller that its call was allowed and is connected; must come before anything else. */
  connected(input: CallerInput): void {
    this.#answered = true;
    this.socket.write(connectedAnswer);
    this.#input = input;
    let more = true;
    for (const chunk of this.#held.splice(0)) more = input.data(chunk) && more;
    if (this.#ended) input.end();
    if (more) this.socket.resume();
    else this.socket.pause();
  }

  /** The service takes input again. */
  resume(): void {
    this.socket.resume();
  }

  /** Streams what the service says; resolves at its end. */
  async forward(kind: DataKind, source: Readable, onChunk?: (chunk: Buffer) => void): Promise<void> {
    this.#sources.add(source);
    await new Promise<void>((resolve) => {
      source.on('data', (chunk: Buffer) => {
        onChunk?.(chunk);
        if (!this.#send(kind, chunk)) for (const one of this.#sources) one.pause();
      });
      source.on('error', () => {});
      source.once('close', resolve);
      source.once('end', resolve);
    });
    this.#sources.delete(source);
    this.end(kind);
  }

  end(kind: DataKind): void {
    if (this.socket.writable) this.socket.write(messageHeader(kind, 0));
  }

  /** A message of the agent's own for the caller's stderr. */
  complain(text: string): void {
    this.#send(messageKinds.stderr, Buffer.from(text));
  }

  /** The call is over: the last thing said. */
  exit(status: number): void {
    if (!this.#answered) this.socket.write(connectedAnswer);
    this.#answered = true;
    this.#input = { data: () => true, end() {} };
    this.#held.length = 0;
    if (this.socket.writable) this.socket.end(exitMessage(status));
    this.socket.resume();
  }

  /** The call was not started at all: the caller is refused. */
  refuse(): void {
    this.socket.end();
    this.socket.resume();
  }

  #take(kind: DataKind, chunk: Buffer): void {
    if (kind !== messageKinds.stdin) return;
    if (this.#input === undefined) this.#held.push(Buffer.from(chunk));
    if (!this.#input?.data(chunk)) this.socket.pause();
  }

  #takeEnd(kind: DataKind): void {
    if (kind !== messageKinds.stdin || this.#ended) return;
    this.#ended = true;
    this.#input?.end();
  }

  #send(kind: DataKind, chunk: Buffer): boolean {
    if (!this.socket.writable) return true;
    this.socket.cork();
    let more = true;
    for (let at = 0; at < chunk.length; at += maxDataChunk) {
      const part = chunk.subarray(at, at + maxDataChunk);
      this.socket.write(messageHeader(kind, part.length));
      more = this.socket.write(part);
    }
    this.socket.uncork();
    return more;
  }
}
