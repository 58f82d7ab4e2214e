import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAgentCall, parseAgentCall } from '../../../../daemons/standalone/protocol/agent-call.ts';
import { DataReader } from '../../../../daemons/standalone/protocol/data-reader.ts';
import {
  MessageError,
  maxDataChunk,
  messageHeader,
  messageKinds,
  parseTrigger,
} from '../../../../daemons/standalone/protocol/messages.ts';

function trigger(source: string, target: string, service: Buffer): Buffer {
  const fixed = Buffer.alloc(160);
  fixed.write(source, 0);
  fixed.write(target, 64);
  fixed.write('SOCKET', 128);
  const body = Buffer.concat([fixed, service]);
  return Buffer.concat([messageHeader(messageKinds.triggerService4, body.length), body]);
}

describe('a request', () => {
  it('is taken apart as the real client writes it', () => {
    const whole = trigger('relayed', 'vault', Buffer.from('test.Service+a\0'));
    const found = parseTrigger(Buffer.concat([whole, Buffer.from('rest')]));
    expect(found?.trigger.source.toString()).toBe('relayed');
    expect(found?.trigger.target.toString()).toBe('vault');
    expect(found?.trigger.service.toString()).toBe('test.Service+a');
    expect(found?.rest.toString()).toBe('rest');
    for (let cut = 0; cut < whole.length; cut++) expect(parseTrigger(whole.subarray(0, cut))).toBeUndefined();
  });

  it.each([
    ['another message', Buffer.concat([messageHeader(0x212, 200), Buffer.alloc(200)])],
    ['no service', Buffer.concat([messageHeader(messageKinds.triggerService4, 160), Buffer.alloc(160)])],
    ['too long a service', messageHeader(messageKinds.triggerService4, 160 + 65_002)],
    ['a service without its end', trigger('', 'x', Buffer.from('test'))],
    ['NUL inside the service', trigger('', 'x', Buffer.from('te\0st\0'))],
    ['a target that fills its field', trigger('', 'x'.repeat(64), Buffer.from('test\0'))],
  ])('with %s is refused', (_what, bytes) => {
    expect(() => parseTrigger(bytes)).toThrow(MessageError);
  });

  it('of any bytes is a request, too little, or an error of its own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (noise, genuine) => {
        const bytes = genuine
          ? Buffer.concat([messageHeader(messageKinds.triggerService4, Math.max(0, noise.length - 8)), noise])
          : Buffer.from(noise);
        try {
          const found = parseTrigger(bytes);
          if (found !== undefined) expect(found.trigger.service.includes(0)).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(MessageError);
        }
      }),
    );
  });
});

describe('data messages', () => {
  const kinds = [messageKinds.stdin, messageKinds.stdout, messageKinds.stderr] as const;
  type Sent = { kind: (typeof kinds)[number]; bytes: Uint8Array };

  function read(chunks: readonly Buffer[]): { streams: Map<number, Buffer>; parts: Buffer[] } {
    const streams = new Map<number, Buffer>();
    const parts: Buffer[] = [];
    const reader = new DataReader({
      data(kind, chunk) {
        streams.set(kind, Buffer.concat([streams.get(kind) ?? Buffer.alloc(0), chunk]));
        parts.push(Buffer.from(chunk));
      },
      end() {},
    });
    for (const chunk of chunks) reader.push(chunk);
    return { streams, parts };
  }

  it('come out as they went in, however the bytes are cut', () => {
    const messages = fc.array(
      fc.record({
        kind: fc.constantFrom(...kinds),
        bytes: fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.uint8Array({ minLength: 4_000, maxLength: 9_000 }),
        ),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }),
        (sent: Sent[], cuts) => {
          const whole = Buffer.concat(
            sent.flatMap(({ kind, bytes }) => [messageHeader(kind, bytes.length), bytes]),
          );
          const chunks: Buffer[] = [];
          for (let at = 0, turn = 0; at < whole.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            chunks.push(whole.subarray(at, at + size));
            at += size;
          }
          const { streams } = read(chunks);
          for (const kind of kinds) {
            const expected = Buffer.concat(sent.filter((one) => one.kind === kind).map(({ bytes }) => bytes));
            expect((streams.get(kind) ?? Buffer.alloc(0)).equals(expected)).toBe(true);
          }
        },
      ),
    );
  });

  it('that are short are handed on whole', () => {
    const body = Buffer.alloc(1_028, 7);
    const whole = Buffer.concat([messageHeader(messageKinds.stdin, body.length), body]);
    const { parts } = read([whole.subarray(0, 3), whole.subarray(3, 500), whole.subarray(500)]);
    expect(parts).toEqual([body]);
  });

  it('above the limit, or of unknown kind, are refused', () => {
    const reader = () => new DataReader({ data() {}, end() {} });
    expect(() => reader().push(messageHeader(messageKinds.stdin, maxDataChunk + 1))).toThrow(MessageError);
    expect(() => reader().push(messageHeader(0x18f, 1))).toThrow(MessageError);
    expect(() => reader().push(messageHeader(0x194, 1))).toThrow(MessageError);
    reader().push(messageHeader(messageKinds.stdin, maxDataChunk));
  });
});

describe('a call on its way to an agent', () => {
  it('comes out as it went in', () => {
    const call = {
      service: 'test.S+a',
      source: 'work',
      user: 'root',
      disposable: { name: 'disp7', base: 'dvm' },
    };
    const bytes = Buffer.concat([encodeAgentCall(call), Buffer.from('rest')]);
    expect(parseAgentCall(bytes)).toEqual({ call, rest: Buffer.from('rest') });
    expect(parseAgentCall(bytes.subarray(0, 20))).toBeUndefined();
  });

  it('of any bytes is a call, too little, or an error of its own', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          const found = parseAgentCall(Buffer.from(`${text}\n`));
          if (found !== undefined) expect(found.call.service).not.toMatch(/[\s\0]/);
        } catch (error) {
          expect(error).toBeInstanceOf(MessageError);
        }
      }),
    );
    expect(() => parseAgentCall(Buffer.alloc(70_000, 97))).toThrow(MessageError);
  });
});
