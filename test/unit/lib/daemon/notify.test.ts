import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { type Notify, openNotify } from '../../../../daemons/lib/daemon/notify.ts';
import { type DatagramReceiver, receiveDatagrams } from '../../../support/datagrams.ts';

let folder: string;
let clock: VirtualClock;
let supervisor: DatagramReceiver;
let notify: Notify;

async function open(env: Record<string, string> = {}, socket = join(folder, 'notify')): Promise<void> {
  supervisor = await receiveDatagrams(socket);
  notify = openNotify(clock, { NOTIFY_SOCKET: socket, ...env });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'notify-'));
  clock = new VirtualClock();
});
afterEach(async () => {
  notify.close();
  await supervisor.close();
  rmSync(folder, { recursive: true });
});

describe('a daemon', () => {
  it('tells its supervisor what it does, each thing in a datagram of its own', async () => {
    await open();
    notify.status('starting');
    notify.ready();
    notify.status('waits for work');
    notify.stopping();
    notify.close();
    const said = [];
    for (let count = 0; count < 4; count++) said.push(await supervisor.next());
    expect(said).toEqual(['STATUS=starting', 'READY=1', 'STATUS=waits for work', 'STOPPING=1']);
  });

  it('reaches a socket of an abstract name', async () => {
    await open({}, `@package-rebuilder-test-${process.pid}`);
    notify.ready();
    expect(await supervisor.next()).toBe('READY=1');
  });

  it('says a status once, on one line, cut', async () => {
    await open();
    notify.status('job of a\nREADY=1\0\u0085b');
    notify.status('job of a\nREADY=1\0\u0085b');
    notify.status('x'.repeat(10_000));
    notify.status('Größe');
    expect(await supervisor.next()).toBe('STATUS=job of a READY=1  b');
    expect(await supervisor.next()).toBe(`STATUS=${'x'.repeat(300)}`);
    expect(await supervisor.next()).toBe('STATUS=Größe');
  });
});

describe('the watchdog', () => {
  it('is fed when the daemon is ready and twice in each of its intervals, until the end', async () => {
    await open({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) });
    await clock.advance(60_000);
    notify.ready();
    notify.ready();
    expect([await supervisor.next(), await supervisor.next(), await supervisor.next()].sort()).toEqual([
      'READY=1',
      'READY=1',
      'WATCHDOG=1',
    ]);
    expect(clock.sleeping).toBe(1);
    await clock.advance(14_999);
    notify.status('not yet');
    await clock.advance(1);
    notify.status('fed');
    await clock.advance(15_000);
    notify.status('fed again');
    const said = [];
    for (let count = 0; count < 5; count++) said.push(await supervisor.next());
    expect(said).toEqual(['STATUS=not yet', 'WATCHDOG=1', 'STATUS=fed', 'WATCHDOG=1', 'STATUS=fed again']);
    notify.close();
    await clock.advance(60_000);
    expect(clock.sleeping).toBe(0);
  });

  it.each([
    ['there is none', {}],
    ['it is for another process', { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1' }],
    ['it is no number', { WATCHDOG_USEC: 'soon' }],
    ['it is never', { WATCHDOG_USEC: '0' }],
  ])('is not fed when %s', async (_what, env) => {
    await open(env);
    notify.ready();
    await clock.advance(10_000);
    notify.stopping();
    expect(await supervisor.next()).toBe('READY=1');
    expect(await supervisor.next()).toBe('STOPPING=1');
    expect(clock.sleeping).toBe(0);
  });
});
