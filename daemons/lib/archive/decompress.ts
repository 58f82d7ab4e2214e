import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type SpawnedProgram, spawnProgram } from '../daemon/program.ts';
import { ArchiveError } from './errors.ts';

export type Compression = 'xz' | 'zstd' | 'gzip' | 'none';

/** How a file of an archive is packed, by its name. */
export function compressionOf(path: string): Compression {
  if (path.endsWith('.xz')) return 'xz';
  if (path.endsWith('.zst')) return 'zstd';
  if (path.endsWith('.gz')) return 'gzip';
  return 'none';
}

const programs = {
  // 512 MiB is what xz -9 at its largest dictionary needs several times over.
  xz: ['xz', '--decompress', '--stdout', '--memlimit-decompress=512MiB'],
  zstd: ['zstd', '--decompress', '--stdout', '--quiet', '--memory=512MiB'],
} as const;

/**
 * The bytes inside, as they come. Node 20 has no xz and no zstd: those two are programs.
 *
 * @throws ArchiveError `too-large` as soon as more than `max` bytes came out, `malformed` if it is no whole file of its kind
 */
export async function* decompress(
  bytes: AsyncIterable<Uint8Array>,
  compression: Compression,
  max: number,
): AsyncGenerator<Buffer> {
  let total = 0;
  for await (const chunk of unpacked(bytes, compression)) {
    total += chunk.length;
    if (total > max) throw new ArchiveError('too-large', `unpacks to more than ${max} bytes`);
    yield chunk;
  }
}

function unpacked(bytes: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Buffer> {
  switch (compression) {
    case 'none':
      return buffers(bytes);
    case 'gzip':
      return gunzip(bytes);
    default:
      return throughProgram(bytes, programs[compression]);
  }
}

async function* buffers(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

async function* gunzip(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const source = Readable.from(bytes, { objectMode: false });
  const plain = createGunzip({ chunkSize: 262_144 });
  let foreign: unknown;
  source.on('error', (error) => {
    foreign = error;
    plain.destroy(error);
  });
  try {
    yield* source.pipe(plain);
  } catch (cause) {
    if (foreign !== undefined) throw foreign;
    throw new ArchiveError('malformed', 'not a whole gzip file', { cause });
  } finally {
    source.destroy();
    plain.destroy();
  }
}

async function* throughProgram(
  bytes: AsyncIterable<Uint8Array>,
  command: readonly [string, ...string[]],
): AsyncGenerator<Buffer> {
  const [name, ...args] = command;
  const program = spawnProgram(name, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = collect(program);
  // The feeder's own error (a truncated download, say) is told before the program's complaint about it.
  let fed: unknown;
  const feeding = pipeline(Readable.from(bytes, { objectMode: false }), program.stdin).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') fed = error;
  });
  try {
    yield* program.stdout as AsyncIterable<Buffer>;
    await feeding;
    const { code } = await program.exited;
    if (fed !== undefined) throw fed;
    if (code !== 0) {
      throw new ArchiveError('malformed', `${name}: ${(await said).trim().slice(0, 200) || `code ${code}`}`);
    }
  } finally {
    program.kill('SIGKILL');
    program.stdin.destroy();
  }
}

const maxSaid = 4_096;

async function collect(program: SpawnedProgram): Promise<string> {
  let text = '';
  program.stderr.on('data', (chunk: Buffer) => {
    if (text.length < maxSaid) text += chunk.toString('utf8');
  });
  await once(program.stderr, 'close').catch(() => {});
  return text;
}
