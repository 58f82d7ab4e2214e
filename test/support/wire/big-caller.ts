import { readFileSync } from 'node:fs';
import { build } from '../../../daemons/lib/contracts/build.ts';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { qrexecCaller } from '../../../daemons/lib/wire/call.ts';
import { sizedFileObject } from '../../../daemons/lib/wire/frame.ts';

/** Sends one large object and takes one: `big-caller CLIENT FILE`; prints what it saw as JSON. */
const [program = '', file = ''] = process.argv.slice(2);
const caller = qrexecCaller({ clock, log: openLog('big-caller'), program });
const limits = { wallSeconds: 60, memoryMiB: 64, processes: 16, logBytes: 0, outputBytes: 0 };
const { objects, done } = await caller.call(
  build,
  'deb',
  { limits },
  { objects: [await sizedFileObject(file)] },
);
let received = 0;
let sha256 = '';
for await (const object of objects) {
  for await (const piece of object.bytes) received += piece.length;
  sha256 = await object.sha256;
}
await done();
const peak = Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
process.stdout.write(`${JSON.stringify({ received, sha256, peak })}\n`);
