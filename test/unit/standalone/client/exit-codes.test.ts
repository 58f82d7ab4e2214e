import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSite, type Site } from '../site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

/** An agent socket that answers each call with these bytes and closes. */
async function fakeAgent(name: string, answer: Buffer): Promise<{ socket: string; server: Server }> {
  const socket = join(site.folder, name);
  const server = createServer((caller) => {
    caller.on('error', () => {});
    caller.once('data', () => caller.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { socket, server };
}

const connected = Buffer.alloc(8);

function message(kind: number, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(kind, 0);
  header.writeUInt32LE(body.length, 4);
  return Buffer.concat([header, body]);
}

describe('the exit status', () => {
  it.each([0, 1, 42, 125, 126, 127, 255])('is the service’s own: %i', async (code) => {
    site.service('test.Code', 'exit "$1"');
    expect((await site.call(['vault', `test.Code+${code}`])).status).toBe(code);
  });

  it('is 128 and the signal of which the service died', async () => {
    site.service('test.Die', 'kill -TERM $$');
    expect((await site.call(['vault', 'test.Die'])).status).toBe(143);
  });

  it('is 126, with exactly one line, for all that dom0 does not connect', async () => {
    site.policy('* * @anyvm vault deny\n* * @anyvm silent allow\n* * @anyvm other ask\n');
    for (const target of ['vault', 'silent', 'other', 'nosuch', '@dispvm', 'work', '@tag:test', '']) {
      const { status, stderr, stdout } = await site.call([target, 'test.Code']);
      expect([target, status, stderr, stdout.length]).toEqual([target, 126, 'Request refused\n', 0]);
    }
    site.policy('* * @anyvm @anyvm allow\n');
    for (const service of ['', '+x', `test.${'x'.repeat(70_000)}`]) {
      expect((await site.call(['vault', service])).status).toBe(126);
    }
  });

  it('is 127 where the target lacks the service, and 125 where it cannot run it', async () => {
    expect((await site.call(['vault', 'test.Nowhere'])).status).toBe(127);
    site.service('test.Broken', '#!/nonexistent/interpreter');
    site.socketService('test.Socket', '/etc/passwd');
    site.service('test.Config', 'true');
    site.config('test.Config', 'nonsense\n');
    for (const name of ['test.Broken', 'test.Socket', 'test.Config']) {
      expect([name, (await site.call(['vault', name])).status]).toEqual([name, 125]);
    }
  });

  it('is 1 where there is no agent', async () => {
    const { status, stderr } = await site.call(['-a', '/nonexistent', 'vault', 'test.Code']);
    expect(status).toBe(1);
    expect(stderr).toBe('connect: No such file or directory\n');
    expect((await site.call(['-a', `/${'x'.repeat(200)}`, 'vault', 'test.Code'])).status).toBe(1);
  });

  it.each([
    ['the connection is lost before the exit code', Buffer.from('xx'), 255],
    ['the exit code is cut short', message(0x193, Buffer.from('xx')), 255],
    ['the exit code has no bytes', message(0x193, Buffer.alloc(0)), 255],
    ['a message is too long', Buffer.from([0x91, 1, 0, 0, 1, 0, 1, 0]), 1],
    ['a message is unknown', message(0x999, Buffer.from('x')), 1],
    ['only the exit code comes', message(0x193, Buffer.from([7, 0, 0, 0])), 7],
  ])('where %s', async (what, bytes, status) => {
    const { socket, server } = await fakeAgent(what.replaceAll(' ', '-'), Buffer.concat([connected, bytes]));
    expect((await site.call(['-a', socket, 'vault', 'test.Code'])).status).toBe(status);
    server.close();
  });

  it('is 255 when the broker goes away in the middle', async () => {
    const own = await openSite();
    own.service('test.Wait', 'echo started; exec sleep 100');
    const program = own.start(['vault', 'test.Wait']);
    await new Promise((resolve) => program.stdout.once('data', resolve));
    const ended = program.exited;
    await own.close();
    expect(await ended).toEqual({ code: 255, signal: null });
  });
});
