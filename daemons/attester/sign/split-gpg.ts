import type { Writable } from 'node:stream';
import { type Clock, workIsDone } from '../../lib/daemon/clock.ts';
import type { Fingerprint } from '../../lib/domain/names.ts';
import { OpenPgpError } from '../../lib/openpgp/error.ts';
import type { DetachedSigner } from '../../lib/openpgp/sign.ts';
import {
  encodeCommand,
  encodeData,
  encodeEnd,
  maxFrameData,
  readFrames,
  streams,
  writeBytes,
} from '../../lib/openpgp/split-gpg.ts';
import type { Caller, RawCall } from '../../lib/wire/call.ts';
import { endingOf, lastLine, listenTo, type Said, silenceOf, vaultFailure } from './call-ending.ts';

/** A vault may ask its person, for whom split GPG waits without end; nothing is lost when the job is tried again. */
export const signingTimeoutMs = 300_000;
const maxSignatureBytes = 65_536;
const maxSaid = 65_536;

export interface SignerOptions {
  readonly timeoutMs?: number;
  /** Whom gpg is told to sign as; the fingerprint unless told otherwise. */
  readonly user?: () => string;
}

export interface SplitGpgOptions extends SignerOptions {
  readonly caller: Pick<Caller, 'raw'>;
  readonly clock: Clock;
}

/**
 * Signs by a `qubes.Gpg` call as split GPG's own client makes it (facts: split-gpg): the command in one write, the
 * document in frames, and the connection held open until the exit status is here, or the real server drops the call.
 *
 * @throws JobFailure `signing` when the vault refuses, is away, takes too long or answers garbage
 */
export function splitGpgSigner(fingerprint: Fingerprint, options: SplitGpgOptions): DetachedSigner {
  return {
    fingerprint,
    async sign(content, signal) {
      signal?.throwIfAborted();
      const over = new AbortController();
      const call = options.caller.raw('qubes.Gpg', '@default');
      const stop = () => call.kill();
      signal?.addEventListener('abort', stop, { once: true });
      const said = listenTo(call.stderr);
      const timeoutMs = options.timeoutMs ?? signingTimeoutMs;
      try {
        return await Promise.race([
          exchange(call, options.user?.() ?? fingerprint, content, said),
          options.clock.sleep(timeoutMs, over.signal).then(() => {
            throw vaultFailure(silenceOf(timeoutMs));
          }),
        ]);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (error instanceof OpenPgpError) throw vaultFailure(`answered garbage: ${error.message}`, error);
        throw error;
      } finally {
        over.abort(workIsDone);
        signal?.removeEventListener('abort', stop);
        call.kill();
      }
    },
  };
}

async function exchange(call: RawCall, user: string, content: Uint8Array, said: Said): Promise<Buffer> {
  const sent = send(call.stdin, user, content);
  const signature = new Collected(maxSignatureBytes);
  const words = new Collected(maxSaid);
  for await (const frame of readFrames(call.stdout, 2)) {
    if (frame.kind === 'data') (frame.stream === streams.stdout ? signature : words).add(frame.data);
    if (frame.kind !== 'exit') continue;
    if (frame.code !== 0) throw vaultFailure(refusalOf(frame.code, words.bytes.toString('utf8')));
    await sent;
    call.stdin.end();
    return signature.bytes;
  }
  throw await endingOf('qubes.Gpg', call, said);
}

function refusalOf(status: number, words: string): string {
  return `refused to sign${lastLine(words) || `: gpg ended with ${status}`}`;
}

/** Never rejects: a vault that stops reading has said why, or its end says so. */
async function send(stdin: Writable, user: string, content: Uint8Array): Promise<void> {
  stdin.on('error', () => {});
  const command = encodeCommand(['--detach-sign', '--digest-algo', 'SHA256', '--local-user', user]);
  await writeBytes(stdin, command);
  for (let at = 0; at < content.length && !stdin.destroyed; at += maxFrameData) {
    await writeBytes(stdin, encodeData(streams.stdin, content.subarray(at, at + maxFrameData)));
  }
  await writeBytes(stdin, encodeEnd(streams.stdin));
}

class Collected {
  #chunks: Buffer[] = [];
  #size = 0;
  constructor(readonly max: number) {}
  add(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.max) throw new OpenPgpError('too-large', `more than ${this.max} bytes`);
    this.#chunks.push(chunk);
  }
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
