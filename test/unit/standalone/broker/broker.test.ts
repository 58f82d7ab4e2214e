import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageHeader, messageKinds } from '../../../../daemons/standalone/protocol/messages.ts';
import { finish, openSite, type Site } from '../site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
  site.service('test.Who', 'printf "%s" "$QREXEC_REMOTE_DOMAIN"');
  site.service('test.Wait', 'exec cat');
});
afterAll(() => site.close());

describe('the broker', () => {
  it('knows a caller by the socket it comes through', async () => {
    for (const from of ['work', 'other']) {
      expect((await site.call(['vault', 'test.Who'], { from })).stdout.toString()).toBe(from);
    }
  });

  it('does not believe what a caller says it is', async () => {
    const claimed = await site.call(['-s', 'other', 'vault', 'test.Who']);
    expect(claimed.status).toBe(126);
    expect(site.log.at(-1)).toContain('denied: other: requested source is only authorized for RemoteVM');
    expect((await site.call(['-s', 'nosuch', 'vault', 'test.Who'])).status).toBe(126);
  });

  it('keeps each socket in a folder that only its owner enters', () => {
    const socket = site.socketOf('work');
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  it('denies a call to oneself, whatever policy says', async () => {
    site.service('test.Loop', 'true');
    expect((await site.call(['vault', 'test.Loop'], { from: 'vault' })).status).toBe(126);
    expect(site.log.at(-1)).toContain('loopback');
  });

  it('logs who asked for what, and why it was denied', async () => {
    site.policy('* * work vault deny\n');
    await site.call(['vault', 'test.Who+a b']);
    site.policy('* * @anyvm @anyvm allow\n');
    expect(site.log.at(-1)).toMatch(
      /^<4>denied: denied by policy .*:1 source=work service=test.Who\+a_b target=vault\n$/,
    );
  });

  it('denies everything while the policy is broken, and goes on when it is mended', async () => {
    site.policy('* * work vault perhaps\n');
    expect((await site.call(['vault', 'test.Who'])).status).toBe(126);
    site.policy('* * @anyvm @anyvm allow\n');
    expect((await site.call(['vault', 'test.Who'])).status).toBe(0);
  });

  it('refuses callers that talk nonsense, and serves the next', async () => {
    const answers = await Promise.all(
      [
        Buffer.from('GET / HTTP/1.1\r\n\r\n'),
        messageHeader(messageKinds.triggerService4, 70_000),
        Buffer.alloc(8),
      ].map(
        (bytes) =>
          new Promise<number>((resolve) => {
            const socket = connect(site.socketOf('work'), () => socket.end(bytes));
            let received = 0;
            socket.on('data', (chunk) => {
              received += chunk.length;
            });
            socket.on('close', () => resolve(received));
          }),
      ),
    );
    expect(answers).toEqual([0, 0, 0]);
    expect((await site.call(['vault', 'test.Who'])).status).toBe(0);
  });

  it('refuses more calls than a qube may have open, and takes calls again when some have ended', async () => {
    const waiting = Array.from({ length: 128 }, () => site.start(['vault', 'test.Wait']));
    const started = waiting.map((program) => {
      program.stdin.write('x');
      return new Promise((resolve) => program.stdout.once('data', resolve));
    });
    await Promise.all(started);
    expect(site.broker.openCalls('work')).toBe(128);
    const refused = await site.call(['vault', 'test.Who']);
    expect(refused).toMatchObject({ status: 126, stderr: 'Request refused\n' });
    expect((await site.call(['vault', 'test.Who'], { from: 'other' })).status).toBe(0);
    for (const program of waiting) program.stdin.end();
    await Promise.all(waiting.map(({ exited }) => exited));
    expect((await site.call(['vault', 'test.Who'])).status).toBe(0);
  });

  describe('told of another configuration', () => {
    const withCaller = (path: string) => ({
      ...site.brokerConfig,
      callers: { ...site.brokerConfig.callers, silent: { path } },
    });
    const asks = async () => (await site.call(['vault', 'test.Who'], { from: 'silent' })).status;

    it('makes one change after the other, so that none binds what another has bound', async () => {
      const next = withCaller(site.socketOf('silent'));
      await Promise.all([1, 2, 3].map(() => site.broker.reconfigure(next)));
      expect(await asks()).toBe(0);
      await Promise.all([site.broker.reconfigure(next), site.broker.reconfigure(site.brokerConfig)]);
      expect(await asks()).not.toBe(0);
    });

    it('listens where a caller’s socket is now', async () => {
      await site.broker.reconfigure(withCaller(`${site.folder}/qubes/elsewhere/qrexec-agent`));
      expect(await asks()).not.toBe(0);
      await site.broker.reconfigure(withCaller(site.socketOf('silent')));
      expect(await asks()).toBe(0);
      await site.broker.reconfigure(site.brokerConfig);
    });

    it('names a socket that it cannot open, serves the others, and tries again', async () => {
      const blocked = `${site.folder}/blocked`;
      writeFileSync(blocked, '');
      const { callers, ...rest } = withCaller(site.socketOf('silent'));
      const next = { ...rest, callers: { bad: { path: `${blocked}/socket` }, ...callers } };
      await expect(site.broker.reconfigure(next)).rejects.toThrow(`${blocked}/socket: `);
      expect(await asks()).toBe(0);
      rmSync(blocked);
      await site.broker.reconfigure(next);
      await site.broker.reconfigure(site.brokerConfig);
    });
  });

  it('refuses when the target does not answer', async () => {
    chmodSync(`${site.folder}/agents/vault`, 0o000);
    const moved = `${site.folder}/agents/vault`;
    const { renameSync } = await import('node:fs');
    renameSync(moved, `${moved}.away`);
    expect((await site.call(['vault', 'test.Who'])).status).toBe(126);
    renameSync(`${moved}.away`, moved);
    chmodSync(moved, 0o700);
    expect((await site.call(['vault', 'test.Who'])).status).toBe(0);
  });

  it('ends the service’s streams when the caller is killed, though the service reads nothing', async () => {
    site.service('test.Deaf', 'echo $$; trap "" PIPE; while sleep 0.05; do echo . || exit; done');
    const program = site.start(['vault', 'test.Deaf']);
    const input = Buffer.alloc(4_000_000);
    program.stdin.on('error', () => {});
    program.stdin.write(input);
    const pid = Number(
      String(await new Promise((resolve) => program.stdout.once('data', resolve))).split('\n')[0],
    );
    program.kill('SIGKILL');
    await finish(program);
    const { systemClock } = await import('../../../../daemons/lib/daemon/clock.ts');
    const alive = () => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    for (let turn = 0; turn < 100 && alive(); turn++) await systemClock.sleep(50);
    expect(alive()).toBe(false);
  });
});
