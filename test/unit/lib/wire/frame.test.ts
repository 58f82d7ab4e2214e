import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock, VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import {
  bufferObject,
  type OutgoingObject,
  type ReadCaps,
  readMessage,
  WireError,
  writeMessage,
} from '../../../../daemons/lib/wire/frame.ts';

const clock = systemClock;
const caps: ReadCaps = { clock, maxObjects: 10, maxObjectBytes: 1_000_000 };

/** A message's bytes, cut into pieces at the given places. */
function streamOf(bytes: Uint8Array, cuts: readonly number[] = []): PassThrough {
  const stream = new PassThrough();
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const place of [...places, bytes.length]) {
    if (place > from) stream.write(bytes.subarray(from, place));
    from = place;
  }
  stream.end();
  return stream;
}

async function encode(header: object, objects: readonly OutgoingObject[]): Promise<Buffer> {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await writeMessage(stream, header, objects, { clock });
  return Buffer.concat(chunks);
}

async function decode(bytes: Uint8Array, cuts?: readonly number[], some: Partial<ReadCaps> = {}) {
  const message = await readMessage(streamOf(bytes, cuts), { ...caps, ...some });
  const objects: { size: number | undefined; bytes: Buffer; sha256: string }[] = [];
  for await (const object of message.objects) {
    const content = await object.buffer(1_000_000);
    objects.push({ size: object.size, bytes: content, sha256: await object.sha256 });
  }
  await message.finish();
  return { header: message.untrustedHeader, objects };
}

function failsWith(code: string) {
  return (error: unknown) => {
    expect(error).toBeInstanceOf(WireError);
    expect((error as WireError).code).toBe(code);
  };
}

async function expectFailure(promise: Promise<unknown>, code: string): Promise<void> {
  failsWith(code)(
    await promise.then(
      () => 'no failure',
      (error: unknown) => error,
    ),
  );
}

const frame = (kind: number, payload: Uint8Array = Buffer.alloc(0)) => {
  const head = Buffer.alloc(5);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
};
const openFrame = (index: number, size: bigint) => {
  const payload = Buffer.alloc(12);
  payload.writeUInt32BE(index, 0);
  payload.writeBigUInt64BE(size, 4);
  return frame(1, payload);
};
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const unknown = 0xffff_ffff_ffff_ffffn;
const header = (objects: number) => Buffer.from(`{"v":1,"objects":${objects}}\n`);
const whole = (...parts: Uint8Array[]) => Buffer.concat(parts);
const abc = Buffer.from('abc');

describe('a message', () => {
  it('is written byte for byte as the design says', async () => {
    const bytes = await encode({ v: 1 }, [bufferObject(abc)]);
    expect(bytes).toEqual(
      whole(
        Buffer.from('{"v":1,"objects":1}\n'),
        Buffer.from('010000000c000000000000000000000003', 'hex'),
        Buffer.from('0200000003616263', 'hex'),
        Buffer.from('0300000020', 'hex'),
        sha(abc),
        Buffer.from('0600000000', 'hex'),
      ),
    );
  });

  it('arrives as it was sent, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.string().filter((name) => !['objects', '__proto__'].includes(name)),
          fc.string(),
        ),
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.boolean()), { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.nat(3),
        async (fields, contents, cuts, lineFeeds) => {
          const sent = contents.map(([bytes, sized]) =>
            sized ? bufferObject(bytes) : { bytes: bufferObject(bytes).bytes },
          );
          const bytes = await encode({ v: 1, ...fields }, sent);
          const got = await decode(whole(Buffer.from('\n'.repeat(lineFeeds)), bytes), cuts);
          expect(got.header).toMatchObject(fields);
          expect(got.objects.map((object) => object.bytes)).toEqual(contents.map(([b]) => Buffer.from(b)));
          expect(got.objects.map((object) => object.size)).toEqual(
            contents.map(([b, sized]) => (sized ? b.length : undefined)),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('never makes the reader hang, crash or pass a cap, whatever the bytes', async () => {
    const valid = await encode({ v: 1 }, [bufferObject(abc), bufferObject(Buffer.alloc(900, 7))]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(valid.length),
        async (changes, end) => {
          const bytes = Buffer.from(valid.subarray(0, end));
          for (const [place, value] of changes) if (place < end) bytes[place] = value;
          const got = await decode(bytes, [], { maxObjectBytes: 1_000 }).catch((error: unknown) => error);
          if (got instanceof Error) expect(got).toBeInstanceOf(WireError);
          else expect(got).toMatchObject({ header: {} });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes IDLE anywhere between frames', async () => {
    const idle = frame(4);
    const bytes = whole(
      header(1),
      idle,
      openFrame(0, unknown),
      idle,
      frame(2, abc),
      idle,
      idle,
      frame(3, sha(abc)),
      idle,
      frame(6),
    );
    expect((await decode(bytes)).objects[0]?.bytes).toEqual(abc);
  });
});

describe('a message that breaks the rules', () => {
  const object = whole(openFrame(0, 3n), frame(2, abc), frame(3, sha(abc)));
  const cases: readonly (readonly [string, string, Buffer])[] = [
    ['no JSON', 'protocol', Buffer.from('hello\n')],
    ['JSON that is no object', 'protocol', Buffer.from('[1]\n')],
    [
      'bytes that are not UTF-8',
      'protocol',
      whole(Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}\n')),
    ],
    ['a header without its line feed', 'protocol', Buffer.from('{"v":1}')],
    ['nothing at all', 'lost', Buffer.from('\n\n')],
    ['a header of 65,537 bytes', 'too-large', Buffer.from(`{"a":"${'x'.repeat(65_536 - 8)}"}\n`)],
    ['a header that nests too deep', 'protocol', Buffer.from(`{"a":${'['.repeat(40)}${']'.repeat(40)}}\n`)],
    ['a count of 0', 'protocol', header(0)],
    ['a count that is no integer', 'protocol', Buffer.from('{"objects":"1"}\n')],
    ['more objects than allowed', 'too-large', header(11)],
    ['an early end', 'protocol', whole(header(1), object)],
    ['bytes after END', 'protocol', whole(header(1), object, frame(6), Buffer.from('x'))],
    ['bytes after a header that stands alone', 'protocol', Buffer.from('{"v":1}\nx')],
    [
      'a wrong index',
      'protocol',
      whole(header(1), openFrame(1, 3n), frame(2, abc), frame(3, sha(abc)), frame(6)),
    ],
    ['DATA before OPEN', 'protocol', whole(header(1), frame(2, abc))],
    ['OPEN inside an object', 'protocol', whole(header(2), openFrame(0, 3n), openFrame(1, 3n))],
    ['END inside an object', 'protocol', whole(header(1), openFrame(0, 3n), frame(6))],
    ['END before the last object', 'protocol', whole(header(2), object, frame(6))],
    ['an object too many', 'protocol', whole(header(1), object, openFrame(1, 0n))],
    ['an empty DATA', 'protocol', whole(header(1), openFrame(0, 3n), frame(2))],
    [
      'a DATA of 65,537 bytes',
      'protocol',
      whole(header(1), openFrame(0, unknown), frame(2, Buffer.alloc(65_537))),
    ],
    ['an unknown frame', 'protocol', whole(header(1), openFrame(0, 3n), frame(7))],
    ['a long IDLE', 'protocol', whole(header(1), frame(4, abc))],
    ['a long END', 'protocol', whole(header(1), object, frame(6, abc))],
    [
      'an object shorter than announced',
      'protocol',
      whole(header(1), openFrame(0, 4n), frame(2, abc), frame(3, sha(abc))),
    ],
    ['an object longer than announced', 'protocol', whole(header(1), openFrame(0, 2n), frame(2, abc))],
    [
      'a wrong hash',
      'protocol',
      whole(header(1), openFrame(0, 3n), frame(2, abc), frame(3, sha(Buffer.from('abd')))),
    ],
    ['an object announced too large', 'too-large', whole(header(1), openFrame(0, 1_000_001n))],
    [
      'FAIL',
      'peer-failed',
      whole(header(1), openFrame(0, 3n), frame(5, Buffer.from('{"error":"internal","say":"no"}'))),
    ],
    ['FAIL that is no JSON', 'peer-failed', whole(header(1), frame(5, Buffer.from('?')))],
  ];
  it.each(cases)('with %s is %s', async (_what, code, bytes) => {
    await expectFailure(decode(bytes), code);
  });

  it('with an object that grows too large is too-large before its end', async () => {
    const data = Array.from({ length: 20 }, () => frame(2, Buffer.alloc(60_000)));
    await expectFailure(decode(whole(header(1), openFrame(0, unknown), ...data)), 'too-large');
  });

  it('stays broken', async () => {
    const bytes = whole(header(2), openFrame(0, 3n), frame(2, Buffer.from('abcd')), frame(3, sha(abc)));
    const message = await readMessage(streamOf(bytes), caps);
    await expectFailure(message.drain(), 'protocol');
    await expectFailure(message.drain(), 'protocol');
  });
});

describe('a header', () => {
  it('of exactly 65,536 bytes with its line feed passes', async () => {
    const text = `{"a":"${'x'.repeat(65_536 - 9)}"}\n`;
    expect(text.length).toBe(65_536);
    expect((await decode(Buffer.from(text))).header).toHaveProperty('a');
  });

  it('may be left out where an empty input has a meaning', async () => {
    expect((await decode(Buffer.from('\n'), [], { emptyHeader: {} })).header).toEqual({});
  });

  it('that stands alone may be followed by line feeds', async () => {
    expect((await decode(Buffer.from('{"v":1}\n\n\n'))).header).toEqual({ v: 1 });
  });
});

describe('writing', () => {
  it('tells the peer FAIL when a source fails, and throws its error', async () => {
    const broken: OutgoingObject = {
      async *bytes() {
        yield abc;
        throw new Error('disk on fire');
      },
    };
    const stream = new PassThrough();
    await expect(writeMessage(stream, { v: 1 }, [broken], { clock })).rejects.toThrow('disk on fire');
    const message = await readMessage(stream, caps);
    const error = await message.drain().catch((failure: unknown) => failure);
    failsWith('peer-failed')(error);
    expect(String(error)).not.toContain('disk on fire');
  });

  it('tells the peer FAIL when an object does not have the size it announced', async () => {
    for (const size of [2, 4]) {
      const stream = new PassThrough();
      const liar: OutgoingObject = { size, bytes: bufferObject(abc).bytes };
      await expectFailure(writeMessage(stream, { v: 1 }, [liar], { clock }), 'protocol');
      await expectFailure((await readMessage(stream, caps)).drain(), 'peer-failed');
    }
  });

  it('gives a sign of life every 15 s while its source is slow', async () => {
    const virtual = new VirtualClock();
    const slow: OutgoingObject = {
      async *bytes() {
        await virtual.sleep(100_000);
        yield abc;
      },
    };
    const stream = new PassThrough();
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const written = writeMessage(stream, { v: 1 }, [slow], { clock: virtual });
    await virtual.advance(101_000);
    await written;
    const bytes = Buffer.concat(chunks);
    const idles = bytes.toString('hex').split('0400000000').length - 1;
    expect(idles).toBe(6);
    expect((await decode(bytes)).objects[0]?.bytes).toEqual(abc);
  });

  it('notices a peer that takes nothing', async () => {
    const virtual = new VirtualClock();
    const stream = new PassThrough({ highWaterMark: 10 });
    const stuck = writeMessage(stream, { v: 1 }, [bufferObject(Buffer.alloc(100_000))], {
      clock: virtual,
      stallMs: 60_000,
    });
    const failed = expectFailure(stuck, 'lost');
    await virtual.advance(59_000);
    expect(stream.destroyed).toBe(false);
    await virtual.advance(2_000);
    await failed;
  });
});

describe('reading', () => {
  it('counts a peer as lost after 60 s of silence, and not before', async () => {
    const virtual = new VirtualClock();
    const stream = new PassThrough();
    const reading = readMessage(stream, { ...caps, clock: virtual });
    const failed = expectFailure(reading, 'lost');
    await virtual.advance(59_000);
    stream.write('\n');
    await virtual.advance(59_000);
    expect(stream.destroyed).toBe(false);
    await virtual.advance(2_000);
    await failed;
  });

  it('allows a longer first silence where a disposable boots', async () => {
    const virtual = new VirtualClock();
    const stream = new PassThrough();
    const reading = readMessage(stream, { ...caps, clock: virtual, firstSilenceMs: 180_000 });
    await virtual.advance(170_000);
    stream.write('{"v":1,"objects":1}\n');
    const message = await reading;
    const failed = expectFailure(message.drain(), 'lost');
    await virtual.advance(61_000);
    await failed;
  });

  it('does not count the time it does not read', async () => {
    const virtual = new VirtualClock();
    const stream = new PassThrough();
    stream.write(header(1));
    const message = await readMessage(stream, { ...caps, clock: virtual });
    await virtual.advance(600_000);
    stream.write(whole(openFrame(0, 3n), frame(2, abc), frame(3, sha(abc)), frame(6)));
    await message.drain();
    expect(stream.destroyed).toBe(false);
  });

  it('reads on where a loop over the objects was left', async () => {
    const bytes = await encode({ v: 1 }, [bufferObject(abc), bufferObject(abc), bufferObject(abc)]);
    const message = await readMessage(streamOf(bytes), caps);
    for await (const object of message.objects) if (object.index === 0) break;
    const rest: number[] = [];
    for await (const object of message.objects) rest.push(object.index);
    expect(rest).toEqual([1, 2]);
    await message.finish();
  });

  it('refuses to hold more of an object than asked for', async () => {
    const bytes = await encode({ v: 1 }, [{ bytes: bufferObject(Buffer.alloc(500)).bytes }]);
    const message = await readMessage(streamOf(bytes), caps);
    for await (const object of message.objects) {
      await expectFailure(object.buffer(499), 'too-large');
      break;
    }
  });

  it('says lost when the connection is torn down', async () => {
    const stream = new PassThrough();
    stream.write(whole(header(1), openFrame(0, 3n)));
    const message = await readMessage(stream, caps);
    const failed = expectFailure(message.drain(), 'lost');
    stream.destroy();
    await failed;
  });
});
