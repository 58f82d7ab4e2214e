import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signingTimeoutMs, splitGpgSigner } from '../../../daemons/attester/sign/split-gpg.ts';
import { JobFailure } from '../../../daemons/lib/contracts/job-failure.ts';
import { systemClock, VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { encodeData, encodeEnd, encodeExit } from '../../../daemons/lib/openpgp/split-gpg.ts';
import { qrexecCaller, type RawCall } from '../../../daemons/lib/wire/call.ts';

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
  // Recorded from the real client (2.0.85) for the same document: qubes-app-linux-split-gpg, src/gpg-client.c and
  // src/multiplex.c.
  it('sends the bytes of the real client, a frame a write, and holds the line until the exit status is there', async () => {
    const peer = new Peer();
    const written: Buffer[] = [];
    peer.stdin.on('data', (chunk: Buffer) => written.push(chunk));
    const content = Buffer.alloc(10_000, 'x');
    const signature = peer.sign(content);
    await expect.poll(() => written.length).toBe(5);
    const [command = Buffer.alloc(0), ...frames] = written;
    expect(command).toHaveLength(1_028);
    expect(command.subarray(0, 4).toString('hex')).toBe('59000000');
    expect(command.subarray(4).toString('latin1').replace(/\0+$/, '\0')).toBe(
      `\0--detach-sign\0--digest-algo\0SHA256\0--local-user\0${key}\0`,
    );
    expect(frames.map((frame) => [frame.subarray(0, 8).toString('hex'), frame.length])).toEqual([
      ['0000000000100000', 4_104],
      ['0000000000100000', 4_104],
      ['0000000010070000', 1_816],
      ['0000000000000000', 8],
    ]);
    expect(Buffer.concat(frames.map((frame) => frame.subarray(8))).equals(content)).toBe(true);
    expect(peer.stdin.writableEnded).toBe(false);
    peer.stdout.write(encodeData(0, Buffer.from('signa')));
    peer.stdout.write(encodeData(1, Buffer.from('gpg: a remark')));
    peer.stdout.write(encodeData(0, Buffer.from('ture')));
    peer.stdout.write(Buffer.concat([encodeEnd(1), encodeEnd(0), encodeExit(0)]));
    expect((await signature).toString()).toBe('signature');
    expect(peer.stdin.writableEnded).toBe(true);
  });

  it('asks for the very part that it is told', async () => {
    const peer = new Peer();
    const options = { caller: { raw: () => peer.call }, clock: systemClock, user: () => `${key}!` };
    const signature = splitGpgSigner(key, options).sign(Buffer.from('x'));
    peer.stdout.write(Buffer.concat([encodeData(0, Buffer.from('signature')), encodeExit(0)]));
    await signature;
    expect((peer.stdin.read() as Buffer).toString('latin1')).toContain(`\0--local-user\0${key}!\0`);
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

  it('says how gpg in the vault ended, when it said nothing', async () => {
    const peer = new Peer();
    peer.stdout.write(Buffer.concat([encodeEnd(1), encodeEnd(0), encodeExit(137)]));
    await expect(peer.sign(Buffer.from('x'))).rejects.toMatchObject({
      say: 'the vault refused to sign: gpg ended with 137',
    });
  });

  it.each([
    [126, 'Request refused', 'the vault is not allowed to us, or could not be started: Request refused'],
    [127, '', 'the vault does not serve qubes.Gpg'],
    [1, 'ERROR: Command too long', 'the vault ended the call without an answer (1): ERROR: Command too long'],
    [0, 'EOF', 'the vault ended the call without an answer (0): EOF'],
    [
      1,
      '',
      'the vault ended the call without an answer (1): its person declined or could not be asked; QUBES_GPG_AUTOACCEPT in its ~/.profile says for how long a yes is good',
    ],
  ])('tells a call that ended with %i and no exit status', async (code, said, say) => {
    const peer = new Peer();
    peer.stderr.write(said);
    setTimeout(() => peer.end(code), 10);
    await expect(peer.sign(Buffer.from('x'))).rejects.toMatchObject({ code: 'signing', say });
  });

  it('tells of a qrexec client that is not there, and does not die of it', async () => {
    const log = openLog('test', { style: 'plain', level: 'error', write: () => {} });
    const caller = qrexecCaller({ clock: systemClock, log, program: '/nonexistent/qrexec-client-vm' });
    const signer = splitGpgSigner(key, { caller, clock: systemClock });
    await expect(signer.sign(Buffer.from('x'))).rejects.toMatchObject({
      say: 'the vault cannot be called from here',
    });
  });

  it('tells a vault that died within an answer from one that talks garbage', async () => {
    const dead = new Peer();
    dead.stdout.write(Buffer.concat([encodeData(1, Buffer.from('gpg: a remark')), Buffer.from([0, 0, 0])]));
    setTimeout(() => dead.end(137), 10);
    await expect(dead.sign(Buffer.from('x'))).rejects.toMatchObject({
      say: 'the vault ended the call without an answer (137)',
    });
    const garbage = new Peer();
    garbage.stdout.write('HTTP/1.1 400 Bad Request');
    await expect(garbage.sign(Buffer.from('x'))).rejects.toMatchObject({
      say: expect.stringMatching(/^the vault answered garbage: ERROR: /),
    });
  });

  it('takes no longer than a person needs', async () => {
    const clock = new VirtualClock();
    const peer = new Peer();
    const signature = peer.sign(Buffer.from('x'), undefined, clock);
    const outcome = expect(signature).rejects.toMatchObject({
      code: 'signing',
      say: 'the vault did not answer within 300 s: a prompt there may wait for its person',
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
