import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { type Clock, workIsDone } from '../../lib/daemon/clock.ts';
import type { Spawn } from '../../lib/daemon/forker.ts';
import { type SpawnedProgram, shellStatus } from '../../lib/daemon/program.ts';
import {
  encodeData,
  encodeEnd,
  encodeExit,
  type Frame,
  maxFrameData,
  readFrames,
  streams,
  writeBytes,
} from '../../lib/openpgp/split-gpg.ts';
import type { GpgCommand } from './options.ts';

export const maxDocumentBytes = 64 * 1_048_576;
export const callTimeoutMs = 300_000;
const maxAnswerBytes = 8 * 1_048_576;

/** The caller went away, or sent what cannot be: nothing leaves the vault. */
export class BrokenCall extends Error {
  override readonly name = 'BrokenCall';
  constructor(
    readonly code: 'eof' | 'exit' | 'too-large' | 'timed-out',
    message: string,
    /** What the service ends with. */
    readonly status = 1,
  ) {
    super(message);
  }
}

/** A signature that was made, before anyone gets it. */
export type Signed = Readonly<{ key: string; sha256: string; bytes: number }>;

export interface VaultOptions {
  readonly home: string;
  readonly clock: Clock;
  /** Starts gpg. */
  readonly spawn: Spawn;
  /** Keeps the signature in the log; a signature that cannot be logged does not leave the vault. */
  readonly onSigned: (signed: Signed) => Promise<void>;
}

/** As the real server has them: no terminal, no network, no program of the caller's choice. */
const serverArgs = [
  '--no-tty',
  '--disable-dirmngr',
  '--photo-viewer=/bin/true',
  '--batch',
  '--exit-on-status-write-error',
];

/** Runs one allowed gpg command between the caller's frames and `output`. */
export async function serveCommand(
  command: GpgCommand,
  input: AsyncIterable<Buffer>,
  output: Writable,
  options: VaultOptions,
): Promise<void> {
  const over = new AbortController();
  const tooLate = options.clock.sleep(callTimeoutMs, over.signal).then(() => {
    throw new BrokenCall('timed-out', 'ERROR: the call took too long');
  });
  try {
    const answer = await Promise.race([tooLate, runGpg(command, input, options, over.signal)]);
    if (answer.signed !== undefined) await options.onSigned(answer.signed);
    await send(output, [
      ...pieces(streams.stderr, answer.stderr),
      ...pieces(streams.stdout, answer.stdout),
      encodeEnd(streams.stderr),
      encodeEnd(streams.stdout),
      encodeExit(answer.status),
    ]);
  } finally {
    over.abort(workIsDone);
  }
}

type Answer = Readonly<{ stdout: Buffer; stderr: Buffer; status: number; signed: Signed | undefined }>;

async function runGpg(
  command: GpgCommand,
  input: AsyncIterable<Buffer>,
  options: VaultOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const gpg = options.spawn('gpg', [...serverArgs, ...command.args], {
    env: { GNUPGHOME: options.home },
    signal,
  });
  const ended = Promise.all([collect(gpg.stdout), collect(gpg.stderr), gpg.exited]);
  let content: Content | undefined;
  const left = follow(readFrames(input, 1), gpg, (whole) => {
    content = whole;
  });
  // gpg may be done before its caller is: it reads no input for an export, and none after an error.
  const [stdout, stderr, exited] = await Promise.race([ended, left]);
  const status = shellStatus(exited);
  if (command.action !== 'sign') return { stdout, stderr, status, signed: undefined };
  if (status !== 0 || content === undefined) {
    return { stdout: Buffer.alloc(0), stderr, status: status === 0 ? 1 : status, signed: undefined };
  }
  return { stdout, stderr, status, signed: { key: command.key, ...content } };
}

type Content = Readonly<{ sha256: string; bytes: number }>;

/**
 * Passes the caller's standard input to gpg and says what it was once its end has arrived. Reads on: a caller that leaves
 * before the exit status is there gets nothing, whether its input was whole or not (src/multiplex.c, `process_in`).
 */
async function follow(
  frames: AsyncIterable<Frame>,
  gpg: SpawnedProgram,
  onWhole: (content: Content) => void,
): Promise<never> {
  const hash = createHash('sha256');
  let bytes = 0;
  gpg.stdin.on('error', () => {}); // gpg may refuse before it has read everything
  for await (const frame of frames) {
    if (frame.kind === 'exit') throw new BrokenCall('exit', 'the caller ended the call', frame.code & 0xff);
    if (gpg.stdin.writableEnded) continue;
    if (frame.kind === 'end') {
      gpg.stdin.end();
      onWhole({ sha256: hash.digest('hex'), bytes });
      continue;
    }
    bytes += frame.data.length;
    if (bytes > maxDocumentBytes) throw new BrokenCall('too-large', 'ERROR: the document is too large');
    hash.update(frame.data);
    await writeBytes(gpg.stdin, frame.data);
  }
  throw new BrokenCall('eof', 'EOF', 0);
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new BrokenCall('too-large', 'ERROR: gpg wrote too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function* pieces(stream: number, data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += maxFrameData) {
    yield encodeData(stream, data.subarray(at, at + maxFrameData));
  }
}

function send(output: Writable, frames: readonly Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    output.once('error', () => reject(new BrokenCall('eof', 'EOF')));
    output.write(Buffer.concat(frames), () => resolve());
  });
}
