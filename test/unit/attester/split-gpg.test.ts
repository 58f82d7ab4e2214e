import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signingTimeoutMs, splitGpgSigner } from '../../../daemons/attester/sign/split-gpg.ts';
import { JobFailure } from '../../../daemons/lib/contracts/job-failure.ts';
import { systemClock, VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import {
  decodeCommand,
  encodeData,
  encodeEnd,
  encodeExit,
  headerBytes,
  readFrames,
} from '../../../daemons/lib/openpgp/split-gpg.ts';
import type { RawCall } from '../../../daemons/lib/wire/call.ts';

const key = parseFingerprint('A03442F3EB2C295D4D911E628FE058DA4C1B5582');

/** The far end of a call, played by the test. */
class Peer {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  #exit: (code: number) => void = () => {};
  readonly exited = new Promise<number>((resolve) => {
    this.#exit = resolve;
  });
  killed = false;

  readonly call: RawCall = {
    stdin: this.stdin,
    stdout: this.stdout,
    stderr: this.stderr,
    exited: this.exited,
    kill: () => {
      this.killed = true;
      this.end(255);
    },
  };

  end(code: number): void {
    this.stdout.end();
    this.stderr.end();
    this.#exit(code);
  }

  sign(content: Uint8Array, signal?: AbortSignal, clock = systemClock) {
    return splitGpgSigner(key, { caller: { raw: () => this.call }, clock }).sign(content, signal);
  }
}

describe('splitGpgSigner', () => {
  it('sends the command in one write, then the document, and holds the line until the exit status is there', async () => {
    const peer = new Peer();
    const written: Buffer[] = [];
    peer.stdin.on('data', (chunk: Buffer) => written.push(chunk));
    const content = Buffer.alloc(10_000, 'x');
    const signature = peer.sign(content);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(written[0]).toHaveLength(headerBytes);
    expect(decodeCommand(written[0] ?? Buffer.alloc(0))).toEqual([
      '--detach-sign',
      '--digest-algo',
      'SHA256',
      '--local-user',
      key,
    ]);
    const received: Buffer[] = [];
    let ended = false;
    for await (const frame of readFrames(
      (async function* () {
        yield Buffer.concat(written.slice(1));
      })(),
      1,
    )) {
      if (frame.kind === 'data') received.push(frame.data);
      else ended = frame.kind === 'end';
    }
    expect(Buffer.concat(received).equals(content)).toBe(true);
    expect(ended).toBe(true);
    expect(peer.stdin.writableEnded).toBe(false);
    peer.stdout.write(encodeData(0, Buffer.from('signa')));
    peer.stdout.write(encodeData(1, Buffer.from('gpg: a remark')));
    peer.stdout.write(encodeData(0, Buffer.from('ture')));
    peer.stdout.write(Buffer.concat([encodeEnd(0), encodeEnd(1), encodeExit(0)]));
    expect((await signature).toString()).toBe('signature');
    expect(peer.stdin.writableEnded).toBe(true);
  });

  it('says what gpg in the vault said', async () => {
    const peer = new Peer();
    peer.stdout.write(encodeData(1, Buffer.from('gpg: a remark\ngpg: signing failed: No secret key\n')));
    peer.stdout.write(encodeExit(2));
    await expect(peer.sign(Buffer.from('x'))).rejects.toMatchObject({
      code: 'signing',
      fault: 'ours',
      say: 'the vault refused to sign: gpg: signing failed: No secret key',
    });
  });

  it.each([
    [126, 'Request refused', 'the vault is not allowed to us, or could not be started: Request refused'],
    [127, '', 'the vault does not serve qubes.Gpg'],
    [1, 'ERROR: Command too long', 'the vault ended the call without an answer (1): ERROR: Command too long'],
    [0, 'EOF', 'the vault ended the call without an answer (0): EOF'],
  ])('tells a call that ended with %i and no exit status', async (code, said, say) => {
    const peer = new Peer();
    peer.stderr.write(said);
    setTimeout(() => peer.end(code), 10);
    await expect(peer.sign(Buffer.from('x'))).rejects.toMatchObject({ code: 'signing', say });
  });

  it('takes no longer than a person needs', async () => {
    const clock = new VirtualClock();
    const peer = new Peer();
    const signature = peer.sign(Buffer.from('x'), undefined, clock);
    const outcome = expect(signature).rejects.toMatchObject({
      code: 'signing',
      say: 'the vault did not answer in time',
    });
    await clock.advance(signingTimeoutMs);
    await outcome;
    expect(peer.killed).toBe(true);
  });

  it('ends the call when its job is over', async () => {
    const peer = new Peer();
    const stop = new AbortController();
    const signature = peer.sign(Buffer.from('x'), stop.signal);
    const reason = new Error('the lease was lost');
    const outcome = expect(signature).rejects.toBe(reason);
    stop.abort(reason);
    await outcome;
    expect(peer.killed).toBe(true);
  });

  it('takes any bytes for a failure to sign, but for a whole answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        const peer = new Peer();
        peer.stdout.write(bytes);
        peer.end(0);
        const outcome = await peer.sign(Buffer.from('x')).catch((error: unknown) => error);
        expect(outcome instanceof JobFailure || Buffer.isBuffer(outcome)).toBe(true);
      }),
    );
  });

  it('gives up on a signature without an end', async () => {
    const peer = new Peer();
    for (let i = 0; i < 20; i++) peer.stdout.write(encodeData(0, Buffer.alloc(4_096)));
    await expect(peer.sign(Buffer.from('x'))).rejects.toMatchObject({ code: 'signing' });
  });
});
