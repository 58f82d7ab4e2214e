import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Compression, compressionOf, decompress } from '../../../../daemons/lib/archive/decompress.ts';

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function whole(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function pack(text: Buffer, compression: Compression): Buffer {
  const programs = { xz: ['xz', '-c'], zstd: ['zstd', '-q', '-c'], gzip: ['gzip', '-c'], none: ['cat'] };
  const [program = '', ...args] = programs[compression];
  return execFileSync(program, args, { input: text, maxBuffer: 2 ** 30 });
}

const text = Buffer.from(Array.from({ length: 40_000 }, (_, n) => `line ${n * 7919}\n`).join(''));
const forms = ['xz', 'zstd', 'gzip', 'none'] as const;
const packed = ['xz', 'zstd', 'gzip'] as const;

describe('decompress', () => {
  it.each(forms)('gives back what was packed: %s', async (form) => {
    const out = await whole(decompress(pieces(pack(text, form), 10_000), form, text.length));
    expect(out.equals(text)).toBe(true);
  });

  it.each(forms)('stops a bomb: %s', async (form) => {
    const bomb = pack(Buffer.alloc(64 * 1_048_576), form);
    let most = 0;
    const reading = (async () => {
      for await (const chunk of decompress(pieces(bomb, 65_536), form, 1_048_576)) most += chunk.length;
    })();
    await expect(reading).rejects.toMatchObject({ code: 'too-large' });
    expect(most).toBeLessThanOrEqual(1_048_576);
  });

  it.each(packed)('refuses half a file: %s', async (form) => {
    const half = pack(text, form);
    const reading = whole(decompress(pieces(half.subarray(0, half.length / 2), 4_096), form, 2 ** 24));
    await expect(reading).rejects.toMatchObject({ name: 'ArchiveError', code: 'malformed' });
  });

  it.each(packed)('refuses what is not of its kind: %s', async (form) => {
    const reading = whole(decompress(pieces(Buffer.from('not packed at all'), 100), form, 2 ** 24));
    await expect(reading).rejects.toMatchObject({ name: 'ArchiveError', code: 'malformed' });
  });

  it.each(forms)('passes on what goes wrong with its source: %s', async (form) => {
    async function* broken() {
      yield* pieces(pack(text, form).subarray(0, 100), 50);
      throw new RangeError('the source broke');
    }
    await expect(whole(decompress(broken(), form, 2 ** 24))).rejects.toThrow('the source broke');
  });

  it('may be left before the end', async () => {
    for await (const chunk of decompress(pieces(pack(text, 'xz'), 1_000), 'xz', 2 ** 24)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });

  it('knows a form by its name', () => {
    expect(['a/Packages.xz', 'Sources.gz', 'Packages.zst', 'Packages'].map(compressionOf)).toEqual([
      'xz',
      'gzip',
      'zstd',
      'none',
    ]);
  });
});
