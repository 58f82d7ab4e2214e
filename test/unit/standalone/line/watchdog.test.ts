import { expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { Watchdog } from '../../../../daemons/standalone/line/watchdog.ts';

it('tells of a member that is silent for the whole period, and of no other', async () => {
  const clock = new VirtualClock();
  const hung: string[] = [];
  const watchdog = new Watchdog(clock, 120_000, (member) => hung.push(member));
  for (const member of ['getter', 'vault', 'uploader']) watchdog.feed(member);
  await clock.advance(60_000);
  watchdog.feed('getter');
  watchdog.forget('uploader');
  await clock.advance(59_999);
  expect(hung).toEqual([]);
  await clock.advance(1);
  expect(hung).toEqual(['vault']);
  await clock.advance(60_000);
  expect(hung).toEqual(['vault', 'getter']);
});

it('is silent once it is closed', async () => {
  const clock = new VirtualClock();
  const watchdog = new Watchdog(clock, 120_000, (member) => expect.fail(member));
  watchdog.feed('getter');
  watchdog.close();
  await clock.advance(600_000);
  expect(clock.sleeping).toBe(0);
});
