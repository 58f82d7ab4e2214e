import { createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { finish, openSite, type Site } from '../site.ts';

let site: Site;
const servers: Server[] = [];
beforeEach(async () => {
  site = await openSite();
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await site.close();
});

async function daemon(serve: (socket: Socket) => void, name = 'test.Daemon'): Promise<void> {
  const path = join(site.folder, `${name}.sock`);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  site.socketService(name, path);
}

describe('an executable service', () => {
  it('learns of its call from environment and argument, and inherits nothing of qrexec', async () => {
    site.service('test.Env', 'env | grep ^QREXEC | sort; echo "$#:$*"');
    process.env.QREXEC_LEAK = 'x';
    const { stdout } = await site.call(['vault', 'test.Env+a+b']);
    const bare = await site.call(['vault', 'test.Env']);
    delete process.env.QREXEC_LEAK;
    expect(stdout.toString()).toBe(
      'QREXEC_REMOTE_DOMAIN=work\nQREXEC_REQUESTED_TARGET_TYPE=\nQREXEC_SERVICE_ARGUMENT=a+b\n' +
        'QREXEC_SERVICE_FULL_NAME=test.Env+a+b\n1:a+b\n',
    );
    expect(bare.stdout.toString()).toContain(
      'QREXEC_SERVICE_ARGUMENT=\nQREXEC_SERVICE_FULL_NAME=test.Env+\n0:\n',
    );
  });

  it('has sockets for stdin and stdout, each its own', async () => {
    site.service('test.Kind', 'readlink /proc/self/fd/0 /proc/self/fd/1; cat /dev/stdin || echo unopened');
    const [stdin, stdout, last] = (await site.call(['vault', 'test.Kind'])).stdout.toString().split('\n');
    expect(stdin).toMatch(/^socket:/);
    expect(stdout).toMatch(/^socket:/);
    expect(stdin).not.toBe(stdout);
    expect(last).toBe('unopened');
  });

  it('for one argument alone is preferred', async () => {
    site.service('test.Which', 'echo general');
    site.service('test.Which+x', 'echo special');
    expect((await site.call(['vault', 'test.Which+x'])).stdout.toString()).toBe('special\n');
    expect((await site.call(['vault', 'test.Which+y'])).stdout.toString()).toBe('general\n');
  });

  it('keeps its caller until whoever inherited its stdout has ended', async () => {
    site.service('test.Behind', '(sleep 0.3; echo late) & echo early');
    const { stdout, status } = await site.call(['vault', 'test.Behind']);
    expect([stdout.toString(), status]).toEqual(['early\nlate\n', 0]);
  });

  it('has its stderr in the log, under its name and its caller’s, and not without end', async () => {
    site.service('test.Warn', 'echo "look out" >&2; head -c 200000 /dev/zero | tr "\\0" "x" >&2');
    const { stderr } = await site.call(['vault', 'test.Warn+a']);
    expect(stderr.length).toBe(200_009);
    expect(site.log.some((line) => line === '<6>look out service=test.Warn+a-work\n')).toBe(true);
    expect(site.log.join('').length).toBeLessThan(5_000);
    expect(site.log.some((line) => line.includes('not logged'))).toBe(true);
  });

  it('runs as its qube’s one user or not at all', async () => {
    site.service('test.User', 'id -un');
    site.policy(`test.User * work vault allow user=${userInfo().username}\n`);
    expect((await site.call(['vault', 'test.User'])).stdout.toString().trim()).toBe(userInfo().username);
    site.policy('test.User * work vault allow user=somebody\n');
    expect((await site.call(['vault', 'test.User'])).status).toBe(125);
    site.policy('* * @anyvm @anyvm allow\n');
    site.config('test.User', "force-user='somebody'\n");
    expect((await site.call(['vault', 'test.User'])).status).toBe(125);
  });
});

describe('a socket service', () => {
  it('gets the header, then the caller’s bytes, and answers after their end', async () => {
    await daemon((socket) => {
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('end', () => socket.end(Buffer.concat(chunks)));
    });
    const { stdout, stderr, status } = await site.call(['vault', 'test.Daemon+arg'], { input: 'hello' });
    expect([stdout.toString(), stderr, status]).toEqual(['test.Daemon+arg work\0hello', '', 0]);
    expect((await site.call(['vault', 'test.Daemon'])).stdout.toString()).toBe('test.Daemon+ work\0');
  });

  it('gets no header where its settings say so', async () => {
    await daemon((socket) => socket.pipe(socket));
    site.config('test.Daemon', 'skip-service-descriptor=true\n');
    expect((await site.call(['vault', 'test.Daemon'], { input: 'x' })).stdout.toString()).toBe('x');
  });

  it('that closes whole ends the call, though the caller has not', async () => {
    await daemon((socket) => socket.once('data', () => socket.end('bye', () => socket.destroy())));
    const program = site.start(['vault', 'test.Daemon']);
    expect(await finish(program)).toMatchObject({ status: 0, stdout: Buffer.from('bye') });
  });

  it('that answers and closes early is heard, though the caller still writes', async () => {
    await daemon((socket) =>
      socket.once('data', () => socket.end(Buffer.alloc(150_000, 97), () => socket.destroy())),
    );
    const { stdout, status } = await site.call(['vault', 'test.Daemon'], { input: Buffer.alloc(3_000_000) });
    expect([stdout.length, status]).toEqual([150_000, 0]);
  });

  it('that only half-closes waits for the caller', async () => {
    const heard: Buffer[] = [];
    await daemon((socket) => {
      socket.on('data', (chunk) => heard.push(chunk));
      socket.end('bye');
    });
    const program = site.start(['vault', 'test.Daemon']);
    await new Promise((resolve) => program.stdout.once('data', resolve));
    await systemClock.sleep(700);
    program.stdin.end('still here');
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(Buffer.concat(heard).toString()).toBe('test.Daemon+ work\0still here');
  });

  it.each([
    ['exit-on-service-eof', (socket: Socket) => void socket.end('bye')],
    [
      'exit-on-client-eof',
      (socket: Socket) => {
        socket.write('bye');
        socket.resume();
      },
    ],
  ])('ends its call early with %s', async (key, serve) => {
    await daemon(serve);
    site.config('test.Daemon', `${key}=true\n`);
    const program = site.start(['vault', 'test.Daemon']);
    if (key === 'exit-on-client-eof') {
      await new Promise((resolve) => program.stdout.once('data', resolve));
      program.stdin.end();
    }
    expect((await finish(program)).status).toBe(0);
  });

  it('is told when the caller is killed', async () => {
    const closed = new Promise<void>((resolve) => {
      void daemon((socket) => {
        socket.resume();
        socket.once('end', resolve);
        socket.write('hello');
      });
    });
    const program = site.start(['vault', 'test.Daemon']);
    await new Promise((resolve) => program.stdout.once('data', resolve));
    program.kill('SIGKILL');
    await closed;
  });

  it('may stand behind a path longer than a socket’s address', async () => {
    const { mkdirSync, symlinkSync } = await import('node:fs');
    const deep = join(site.folder, 'd'.repeat(100), 'e'.repeat(100));
    mkdirSync(deep, { recursive: true });
    await daemon((socket) => socket.pipe(socket));
    symlinkSync(join(site.folder, 'test.Daemon.sock'), join(deep, 'sock'));
    site.socketService('test.Deep', join(deep, 'sock'));
    site.config('test.Deep', 'skip-service-descriptor=true\n');
    expect((await site.call(['vault', 'test.Deep'], { input: 'x' })).stdout.toString()).toBe('x');
  });
});
