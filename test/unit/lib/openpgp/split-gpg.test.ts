import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OpenPgpError } from '../../../../daemons/lib/openpgp/error.ts';
import {
  decodeCommand,
  encodeCommand,
  encodeData,
  encodeEnd,
  encodeExit,
  type Frame,
  headerBytes,
  maxFrameData,
  readFrames,
} from '../../../../daemons/lib/openpgp/split-gpg.ts';

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size = 4_096, count = 2): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of readFrames(chunks(bytes, size), count)) {
    frames.push(frame.kind === 'data' ? { ...frame, data: Buffer.from(frame.data) } : frame);
  }
  return frames;
}

describe('a split-GPG command', () => {
  it('has the bytes that the real client sends', () => {
    const header = encodeCommand(['--detach-sign', '--armor', '-u', 't@example.org']);
    expect(header).toHaveLength(headerBytes);
    expect(header.subarray(0, 4).toString('hex')).toBe('27000000');
    expect(header.subarray(4, 44).toString()).toBe('\0--detach-sign\0--armor\0-u\0t@example.org\0');
    expect(header.subarray(44).every((byte) => byte === 0)).toBe(true);
  });

  it('is read back as it was written', () => {
    const printable = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(fc.array(fc.oneof(printable, fc.constant('ünï😀')), { maxLength: 20 }), (args) => {
        expect(decodeCommand(encodeCommand(args))).toEqual(args);
      }),
    );
  });

  it('of any bytes is read or refused', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.boolean(),
        (bytes, length, plausible) => {
          const header = Buffer.alloc(headerBytes);
          header.writeUInt32LE(plausible ? bytes.length : length);
          header.set(bytes, 4);
          try {
            for (const arg of decodeCommand(header)) expect(arg).not.toContain('\0');
          } catch (error) {
            expect(error).toBeInstanceOf(OpenPgpError);
          }
        },
      ),
    );
  });

  it.each([
    ['in two pieces', Buffer.alloc(1_000), 'ERROR: Invalid header size: 1000'],
    [
      'longer than it may be',
      Buffer.concat([Buffer.from([0, 4, 0, 0]), Buffer.alloc(1_024)]),
      'ERROR: Command too long',
    ],
  ])('%s is refused in the real server’s words', (_what, header, message) => {
    expect(() => decodeCommand(header)).toThrow(message);
  });

  it('that does not end in NUL or holds control characters is refused', () => {
    const open = Buffer.alloc(headerBytes, 'a');
    open.writeUInt32LE(5);
    expect(() => decodeCommand(open)).toThrow('gpg-server: ERROR: command not NUL-terminated');
    expect(() => decodeCommand(encodeCommand(['--detach-sign\n']))).toThrow('must be printable UTF-8');
    expect(() => encodeCommand(['x'.repeat(1_024)])).toThrow(OpenPgpError);
  });
});

describe('split-GPG frames', () => {
  it('have the bytes of the real ends, the exit status in a negative number', () => {
    expect(encodeData(1, Buffer.from('ab')).toString('hex')).toBe('01000000020000006162');
    expect(encodeEnd(0).toString('hex')).toBe('0000000000000000');
    expect(encodeExit(0).toString('hex')).toBe('ffffffff00000000');
    expect(encodeExit(2).toString('hex')).toBe('fdffffff00000000');
  });

  it('are read however they are cut, and nothing after the exit status is', async () => {
    const frame = fc.oneof(
      fc.record({ stream: fc.nat(1), data: fc.uint8Array({ minLength: 1, maxLength: maxFrameData }) }),
      fc.record({ stream: fc.nat(1), data: fc.constant(new Uint8Array()) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 6 }),
        fc.integer({ min: 1, max: 5_000 }),
        async (sent, size) => {
          const bytes = Buffer.concat([
            ...sent.map(({ stream, data }) =>
              data.length === 0 ? encodeEnd(stream) : encodeData(stream, data),
            ),
            encodeExit(3),
            Buffer.from('junk'),
          ]);
          const expected = sent.map(({ stream, data }) =>
            data.length === 0 ? { kind: 'end', stream } : { kind: 'data', stream, data: Buffer.from(data) },
          );
          expect(await read(bytes, size)).toEqual([...expected, { kind: 'exit', code: 3 }]);
        },
      ),
    );
  });

  it('that are too long, of no known stream, or cut short are refused', async () => {
    const long = Buffer.alloc(8);
    long.writeUInt32LE(maxFrameData + 1, 4);
    await expect(read(long)).rejects.toThrow('Invalid block size');
    await expect(read(encodeEnd(2))).rejects.toThrow('invalid fd number');
    await expect(read(encodeData(0, Buffer.from('abc')).subarray(0, 9))).rejects.toThrow(
      'ERROR: received incomplete block (expected 3, got 1)',
    );
  });

  it('that end within a header have just ended', async () => {
    expect(await read(Buffer.concat([encodeEnd(0), encodeEnd(1).subarray(0, 5)]))).toEqual([
      { kind: 'end', stream: 0 },
    ]);
  });
});
