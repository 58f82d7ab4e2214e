import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { WireError } from '../../../../daemons/lib/wire/format.ts';
import {
  maxSocketHeaderBytes,
  parseSocketHeader,
  readSocketHeader,
} from '../../../../daemons/lib/wire/socket-header.ts';

describe('the qrexec header of a socket service', () => {
  it('is service, argument and source', () => {
    expect(parseSocketHeader('rebuilder.Lease+get rebuilder-getter')).toEqual({
      service: 'rebuilder.Lease',
      argument: 'get',
      source: 'rebuilder-getter',
    });
    expect(parseSocketHeader('rebuilder.Diff+ disp1')).toEqual({
      service: 'rebuilder.Diff',
      argument: '',
      source: 'disp1',
    });
    expect(parseSocketHeader('a+b+c work').argument).toBe('b+c');
  });

  it.each([
    '',
    'rebuilder.Lease work',
    '+get work',
    'rebuilder.Lease+get',
    'rebuilder.Lease+get ',
    'rebuilder.Lease+get work keyword x',
    'rebuilder.Lease+get ../work',
    'rebuilder.Lease+get 1work',
    'rebuilder.Lease+get @adminvm',
    'rebuilder/Lease+get work',
    `${'x'.repeat(300)}+get work`,
    `rebuilder.Lease+get ${'w'.repeat(40)}`,
  ])('is not %j', (text) => {
    expect(() => parseSocketHeader(text)).toThrow(
      expect.objectContaining({ name: 'WireError', code: 'protocol' }),
    );
  });

  it('of any text is read in closed alphabets, or refused', () => {
    const near = fc.stringMatching(/^[A-Za-z.]{1,10}\+[a-z.+]{0,5} [a-z0-9@./-]{1,34}$/);
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        try {
          const { service, argument, source } = parseSocketHeader(text);
          expect(`${service}+${argument} ${source}`).toBe(text);
          expect(service).toMatch(/^[A-Za-z0-9_.-]+$/);
          expect(argument).toMatch(/^[A-Za-z0-9_.+-]*$/);
          expect(source).toMatch(/^[A-Za-z][A-Za-z0-9_.-]*$/);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });

  it('is read however it is cut, and the bytes behind it are left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(60), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 30 }),
        async (cuts, rest) => {
          const whole = Buffer.concat([Buffer.from('rebuilder.Lease+get work\0'), rest]);
          const socket = new PassThrough();
          const reading = readSocketHeader(socket, new VirtualClock());
          const places = [0, ...cuts.map((at) => Math.min(at, whole.length)), whole.length].sort(
            (a, b) => a - b,
          );
          for (const [index, place] of places.entries()) {
            socket.write(whole.subarray(places[index - 1] ?? 0, place));
            await new Promise((resolve) => setImmediate(resolve));
          }
          socket.end();
          expect((await reading).source).toBe('work');
          expect(Buffer.concat(await socket.toArray()).equals(Buffer.from(rest))).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each([
    ['that has no end', Buffer.alloc(maxSocketHeaderBytes + 1, 'x'), 'too long'],
    ['that ends before its NUL', Buffer.from('rebuilder.Lease+get work'), 'ended inside'],
    ['that is not there', Buffer.alloc(0), 'ended inside'],
  ])('%s is refused', async (_what, bytes, say) => {
    const socket = new PassThrough();
    socket.end(bytes);
    await expect(readSocketHeader(socket, new VirtualClock())).rejects.toThrow(say);
  });
});
