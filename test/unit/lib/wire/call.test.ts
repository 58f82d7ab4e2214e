import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Contract } from '../../../../daemons/lib/contracts/contract.ts';
import { fetchObjects } from '../../../../daemons/lib/contracts/fetch.ts';
import { lease } from '../../../../daemons/lib/contracts/lease.ts';
import { query } from '../../../../daemons/lib/contracts/query.ts';
import { trigger } from '../../../../daemons/lib/contracts/trigger.ts';
import { systemClock, VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../../daemons/lib/daemon/log.ts';
import { CallError, type Caller, qrexecCaller } from '../../../../daemons/lib/wire/call.ts';
import { bufferObject, type OutgoingObject, WireError } from '../../../../daemons/lib/wire/frame.ts';
import {
  answer,
  type Handler,
  ReplyError,
  type ServedCall,
  serveSocket,
} from '../../../../daemons/lib/wire/serve.ts';
import { directClient, failingClient, program } from '../../../support/direct-qrexec.ts';

const clock = systemClock;
const logged: string[] = [];
const log = openLog('test', { style: 'plain', level: 'debug', write: (line) => logged.push(line) });

let folder: string;
let socket: string;
let closing: (() => Promise<void>)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wire-'));
  socket = join(folder, 'door.sock');
  closing = [];
  logged.length = 0;
});
afterEach(async () => {
  for (const close of closing) await close();
  rmSync(folder, { recursive: true });
});

/** A door with one contract behind it, and a caller that reaches it. */
async function door<A extends string, Q, R>(
  contract: Contract<A, Q, R>,
  handle: Handler<A, Q>,
  options: { maxConnections?: number; maxOfOneQube?: number; seen?: ServedCall[]; clock?: VirtualClock } = {},
): Promise<Caller> {
  const doorClock = options.clock ?? clock;
  const served = await serveSocket({
    path: socket,
    clock: doorClock,
    log,
    maxConnections: options.maxConnections ?? 10,
    maxOfOneQube: options.maxOfOneQube ?? 10,
    onCall: (call, channel) => {
      options.seen?.push(call);
      return answer(
        contract,
        call.argument,
        { input: channel, output: channel },
        { clock: doorClock, log },
        handle,
      );
    },
  });
  closing.push(served.close);
  return qrexecCaller({ clock, log, program: directClient(folder, socket, 'work') });
}

async function failure(promise: Promise<unknown>): Promise<CallError> {
  const error = await promise.then(
    () => 'no failure',
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CallError);
  return error as CallError;
}

/** What somebody gets who types bytes at the door. */
function typed(text: string | Uint8Array, end = true): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const peer = connect({ path: socket, allowHalfOpen: true }, () => {
      peer.write(text);
      if (end) peer.end();
    });
    peer.on('data', (chunk) => chunks.push(chunk));
    peer.on('end', () => {
      peer.destroy();
      resolve(Buffer.concat(chunks).toString());
    });
    peer.on('error', reject);
  });
}

const wanted = (objects: readonly OutgoingObject[]) => ({ reply: { objects: objects.length }, objects });
const job = 'aaaaaaaaaaaaaaaa.feed';
const sha = '0'.repeat(64);
const fetchRequest = { job, fence: 1, want: 'content', sha256: [sha] };

describe('a call', () => {
  it('reaches the door with its argument and its source, and brings the parsed reply', async () => {
    const seen: ServedCall[] = [];
    const caller = await door(
      trigger,
      async (request, argument) => {
        expect(argument).toBe('get');
        expect(request).toEqual({ v: 1, kind: 'get', dist: 'bookworm.amd64' });
        return { reply: { submitted: 1, jobs: [job] } };
      },
      { seen },
    );
    const { reply, done } = await caller.call(trigger, 'get', { dist: 'bookworm.amd64' });
    await done();
    expect(reply).toEqual({ v: 1, ok: true, submitted: 1, jobs: [job] });
    expect(seen).toEqual([{ service: 'rebuilder.Trigger', argument: 'get', source: 'work' }]);
  });

  it('carries objects both ways', async () => {
    const caller = await door(trigger, async (_request, _argument, objects) => {
      const sizes: number[] = [];
      for await (const object of objects) sizes.push((await object.buffer(1_000_000)).length);
      return { reply: { submitted: sizes.reduce((a, b) => a + b), jobs: [] } };
    });
    const objects = [bufferObject(Buffer.alloc(300_000, 1)), bufferObject(Buffer.alloc(7))];
    const request = { dists: ['bookworm.amd64'], source: 'hello' };
    const { reply, done } = await caller.call(trigger, 'rebuild', request, { objects });
    await done();
    expect(reply.submitted).toBe(300_007);
  });

  it('brings the objects of the reply, one after the other', async () => {
    const caller = await door(fetchObjects, async () =>
      wanted([bufferObject(Buffer.from('one')), bufferObject(Buffer.alloc(200_000, 2))]),
    );
    const { objects, done } = await caller.call(fetchObjects, 'get', fetchRequest);
    const sizes: number[] = [];
    for await (const object of objects) sizes.push((await object.buffer(1_000_000)).length);
    await done();
    expect(sizes).toEqual([3, 200_000]);
  });

  it('reads what the caller leaves unread, so that the reply is known to be whole', async () => {
    const caller = await door(fetchObjects, async () => wanted([bufferObject(Buffer.alloc(200_000))]));
    const { done } = await caller.call(fetchObjects, 'get', fetchRequest);
    await done();
  });

  it("ends with the answerer's own refusal", async () => {
    const caller = await door(lease, async () => {
      throw new ReplyError('paused', 'the queue is paused');
    });
    const error = await failure(caller.call(lease, 'get', {}));
    expect(error).toMatchObject({
      code: 'paused',
      inBand: true,
      message: 'rebuilder.Lease: the queue is paused',
    });
  });

  it('hears a refusal that comes before the request was read, though its writes meet EPIPE', async () => {
    const caller = await door(trigger, async () => {
      throw new ReplyError('disk-full', 'no room');
    });
    const objects = [bufferObject(Buffer.alloc(4_000_000))];
    const request = { dists: ['bookworm.amd64'], source: 'hello' };
    const error = await failure(caller.call(trigger, 'rebuild', request, { objects }));
    expect(error).toMatchObject({ code: 'disk-full', inBand: true });
  });

  it('is told no more of an unexpected error than that there was one; the journal has it', async () => {
    const caller = await door(lease, async () => {
      throw new Error('secret detail');
    });
    const error = await failure(caller.call(lease, 'get', {}));
    expect(error).toMatchObject({ code: 'internal', inBand: true });
    expect(error.message).not.toContain('secret');
    await expect.poll(() => logged.join('')).toContain('secret detail');
  });

  it('that breaks its contract is refused as protocol, in either direction', async () => {
    const caller = await door(lease, async () => ({ reply: { job: 'no such thing' } }));
    expect(await failure(caller.call(lease, 'get', { waitMs: -1 }))).toMatchObject({
      code: 'protocol',
      inBand: true,
    });
    expect(await failure(caller.call(lease, 'get', {}))).toMatchObject({ code: 'protocol', inBand: false });
  });

  it('with more or larger objects than the contract allows is too-large', async () => {
    const caller = await door(trigger, async (_request, _argument, objects) => {
      for await (const object of objects) await object.drain();
      return { reply: { submitted: 0, jobs: [] } };
    });
    const many = Array.from({ length: 21 }, () => bufferObject(Buffer.alloc(1)));
    const large = [bufferObject(Buffer.alloc(5 * 1_048_576))];
    const request = { dists: ['bookworm.amd64'], source: 'hello' };
    for (const objects of [many, large]) {
      const error = await failure(caller.call(trigger, 'rebuild', request, { objects }));
      expect(error).toMatchObject({ code: 'too-large', inBand: true });
    }
  });

  it('throws the error of a source of its own as it is', async () => {
    const caller = await door(trigger, async (_request, _argument, objects) => {
      for await (const object of objects) await object.drain();
      return { reply: { submitted: 0, jobs: [] } };
    });
    const source: OutgoingObject = {
      // biome-ignore lint/correctness/useYield: it fails before its first byte
      async *bytes() {
        throw new TypeError('no such file');
      },
    };
    const request = { dists: ['bookworm.amd64'], source: 'hello' };
    await expect(caller.call(trigger, 'rebuild', request, { objects: [source] })).rejects.toThrow(TypeError);
  });

  it('ends at once when its signal is aborted', async () => {
    const caller = await door(lease, (_request, _argument, _objects, { signal }) => {
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const stop = new AbortController();
    const calling = caller.call(lease, 'get', {}, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 200);
    await expect(calling).rejects.toThrow('enough');
    await expect(caller.call(lease, 'get', {}, { signal: stop.signal })).rejects.toThrow('enough');
  });

  it('leaves not even a timer when it is aborted with its reply unread', async () => {
    await door(query, async () => wanted([bufferObject(Buffer.from('one'))]));
    const callerClock = new VirtualClock();
    const caller = qrexecCaller({ clock: callerClock, log, program: directClient(folder, socket, 'work') });
    const enough = new AbortController();
    await caller.call(query, 'status', {}, { signal: enough.signal });
    expect(callerClock.sleeping).toBe(1);
    enough.abort();
    await expect.poll(() => callerClock.sleeping).toBe(0);
  });

  it('runs the client without any of our environment but what qrexec needs', async () => {
    const client = program(folder, '#!/bin/sh\nenv >&2\nexit 1\n');
    process.env.SECRET_OF_THE_DAEMON = 'secret';
    const { stderr, stdin } = qrexecCaller({ clock, log, program: client }).raw('qubes.Gpg', '@default');
    stdin.end();
    const chunks: Buffer[] = [];
    for await (const chunk of stderr) chunks.push(chunk);
    delete process.env.SECRET_OF_THE_DAEMON;
    expect(Buffer.concat(chunks).toString()).toContain('LANG=C.UTF-8');
    expect(Buffer.concat(chunks).toString()).not.toContain('secret');
  });
});

describe('a call that nobody answers', () => {
  it.each([
    [126, 'refused'],
    [127, 'unavailable'],
    [125, 'unavailable'],
    [255, 'lost'],
    [1, 'local'],
    [137, 'lost'],
    [0, 'lost'],
  ])('with status %i is %s', async (status, code) => {
    const caller = qrexecCaller({ clock, log, program: failingClient(folder, status) });
    expect(await failure(caller.call(lease, 'get', {}))).toMatchObject({ code, inBand: false });
  });

  it('is local where there is no client', async () => {
    const caller = qrexecCaller({ clock, log, program: join(folder, 'nothing') });
    expect(await failure(caller.call(lease, 'get', {}))).toMatchObject({ code: 'local' });
  });

  it.each([
    ['the connection', 'socket', 255, 'lost'],
    ['a daemon, whose socket has no exit code,', 'socket', 0, 'lost'],
    ['a program of its own accord', 'executable', 0, 'protocol'],
  ] as const)('when %s ends in the middle (%s, status %i) is %s', async (_what, kind, status, code) => {
    const half = `printf '{"v":1,"ok":true,"objects":1}\\n'`;
    const client = program(folder, `#!/bin/sh\ncat >/dev/null\n${half}\nexit ${status}\n`);
    const caller = qrexecCaller({ clock, log, program: client });
    const { done } = await caller.call({ ...fetchObjects, kind }, 'get', fetchRequest);
    expect(await failure(done())).toMatchObject({ code, inBand: false });
  });

  it('is lost after a minute of silence, and its client is ended', async () => {
    const client = program(folder, '#!/bin/sh\necho $$ >"$0.new"\nmv "$0.new" "$0.pid"\nexec sleep 1000\n');
    const virtual = new VirtualClock();
    const failed = failure(qrexecCaller({ clock: virtual, log, program: client }).call(lease, 'get', {}));
    await expect.poll(() => existsSync(`${client}.pid`)).toBe(true);
    const pid = Number(readFileSync(`${client}.pid`, 'utf8'));
    await virtual.advance(59_000);
    await virtual.advance(2_000);
    expect(await failed).toMatchObject({ code: 'lost', message: expect.stringContaining('60 s') });
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  });

  it('is given three minutes when a disposable has to boot', async () => {
    const client = program(folder, '#!/bin/sh\nexec sleep 1000\n');
    const virtual = new VirtualClock();
    let over = false;
    const contract = { ...lease, door: 'disposable' as const };
    const failed = failure(qrexecCaller({ clock: virtual, log, program: client }).call(contract, 'get', {}));
    void failed.then(() => {
      over = true;
    });
    await virtual.advance(175_000);
    expect(over).toBe(false);
    await virtual.advance(10_000);
    expect(await failed).toMatchObject({ code: 'lost' });
  });
});

describe('a door', () => {
  const status: Handler<'status', unknown> = async () => ({ text: 'all is well\n' });
  const statusOnly = query as unknown as Contract<'status', unknown, unknown>;

  it('answers people in plain text, empty input being the default request', async () => {
    await door(statusOnly, status);
    expect(await typed('rebuilder.Query+status dom0\0')).toBe('all is well\n');
    expect(await typed('rebuilder.Query+status dom0\0{"v":1}\n', false)).toBe('all is well\n');
  });

  it('takes the qrexec header in pieces or together with data', async () => {
    const seen: ServedCall[] = [];
    await door(statusOnly, status, { seen });
    const peer = connect({ path: socket, allowHalfOpen: true });
    for (const piece of ['rebuilder.Qu', 'ery+status ', 'sys-x', '\0', '{"v":', '1}\n']) {
      peer.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [answered] = await new Promise<Buffer[]>((resolve) =>
      peer.once('data', (chunk) => resolve([chunk])),
    );
    peer.destroy();
    expect(String(answered)).toBe('all is well\n');
    expect(seen).toEqual([{ service: 'rebuilder.Query', argument: 'status', source: 'sys-x' }]);
  });

  it.each([
    ['rebuilder.Query+status\0', 'no source'],
    ['rebuilder.Query+status dom0 name work\0', 'the form of dom0'],
    ['rebuilder.Query status work\0', 'no plus'],
    ['rebuilder.Query+status ../etc\0', 'a source that is no qube'],
    [`rebuilder.Query+${'a'.repeat(2_000)} work\0`, 'a header too long'],
    ['rebuilder.Query+status work', 'no end'],
  ])('drops a connection that begins with %j', async (text) => {
    let calls = 0;
    await door(statusOnly, async () => {
      calls += 1;
      return { text: '' };
    });
    expect(await typed(text).catch(() => '')).toBe('');
    expect(calls).toBe(0);
  });

  it('refuses an argument that its contract does not have', async () => {
    await door(statusOnly, status);
    expect(JSON.parse(await typed('rebuilder.Query+nonsense work\0'))).toMatchObject({
      v: 1,
      ok: false,
      error: 'protocol',
    });
  });

  it.each(['nonsense\n', '{"v":2}\n', '{"v":1,"extra":1}\n', '{"v":1}\ntrailing', '{"v":1'])(
    'refuses the request %j in band',
    async (text) => {
      await door(statusOnly, status);
      expect(JSON.parse(await typed(`rebuilder.Query+status work\0${text}`))).toMatchObject({
        ok: false,
        error: 'protocol',
      });
    },
  );

  it('says busy to one call too many', async () => {
    const release: (() => void)[] = [];
    const caller = await door(
      lease,
      async () => {
        await new Promise<void>((resolve) => release.push(resolve));
        return { reply: { job: null } };
      },
      { maxConnections: 1 },
    );
    const first = caller.call(lease, 'get', {});
    await expect.poll(() => release.length).toBe(1);
    expect(await failure(caller.call(lease, 'get', {}))).toMatchObject({ code: 'busy', inBand: true });
    release[0]?.();
    expect((await first).reply.job).toBeNull();
  });

  it('says busy to a qube that has its share of calls open, and goes on answering the others', async () => {
    const release: (() => void)[] = [];
    const work = await door(
      lease,
      async () => {
        await new Promise<void>((resolve) => release.push(resolve));
        return { reply: { job: null } };
      },
      { maxOfOneQube: 1 },
    );
    const home = qrexecCaller({ clock, log, program: directClient(folder, socket, 'home') });
    const first = [work.call(lease, 'get', {})];
    await expect.poll(() => release.length).toBe(1);
    expect(await failure(work.call(lease, 'get', {}))).toMatchObject({ code: 'busy', inBand: true });
    first.push(home.call(lease, 'get', {}));
    await expect.poll(() => release.length).toBe(2);
    for (const end of release) end();
    for (const { reply } of await Promise.all(first)) expect(reply.job).toBeNull();
    const again = work.call(lease, 'get', {});
    await expect.poll(() => release.length).toBe(3);
    release[2]?.();
    expect((await again).reply.job).toBeNull();
  });

  it('gives a sign of life every 15 s while it has no answer, and notices when the caller is gone', async () => {
    const virtual = new VirtualClock();
    let gone: unknown;
    await door(
      lease,
      (_request, _argument, _objects, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            gone = signal.reason;
            reject(signal.reason);
          });
        }),
      { clock: virtual },
    );
    const peer = connect({ path: socket, allowHalfOpen: true });
    let heard = '';
    peer.on('data', (chunk) => {
      heard += chunk;
    });
    peer.end('rebuilder.Lease+get work\0{"v":1}\n');
    await expect.poll(() => virtual.sleeping).toBe(1);
    await virtual.advance(46_000);
    await expect.poll(() => heard).toBe('\n\n\n');
    peer.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await virtual.advance(31_000);
    await expect.poll(() => gone).toBeInstanceOf(WireError);
  });

  it('lets a silent caller go after a minute', async () => {
    const virtual = new VirtualClock();
    await door(statusOnly, status, { clock: virtual });
    for (const start of ['', 'rebuilder.Query+status work\0']) {
      const peer = connect({ path: socket, allowHalfOpen: true });
      const closed = new Promise<void>((resolve) => peer.once('close', () => resolve()));
      peer.on('data', () => {});
      peer.on('end', () => peer.destroy());
      peer.write(start);
      await expect.poll(() => virtual.sleeping).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await virtual.advance(70_000);
      await closed;
    }
  });
});
