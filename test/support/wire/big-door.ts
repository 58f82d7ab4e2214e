import { readFileSync } from 'node:fs';
import { build } from '../../../daemons/lib/contracts/build.ts';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { fileObject } from '../../../daemons/lib/wire/frame.ts';
import { answer, type Channel, serveSocket } from '../../../daemons/lib/wire/serve.ts';

/**
 * A door that takes one large object and gives one: `big-door FILE [SOCKET]`, an executable service without a socket.
 * Its peak memory goes to standard error.
 */
const [file = '', path] = process.argv.slice(2);
const log = openLog('big-door');

async function serve(channel: Channel): Promise<void> {
  await answer(build, 'deb', channel, { clock, log }, async (_request, _argument, objects) => {
    for await (const object of objects) await object.drain();
    return { reply: {}, objects: [fileObject(file)] };
  });
  process.stderr.write(`peak ${/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}\n`);
}

if (path === undefined) {
  await serve({ input: process.stdin, output: process.stdout });
} else {
  const onCall = (_call: unknown, channel: import('node:stream').Duplex) =>
    serve({ input: channel, output: channel });
  await serveSocket({ path, clock, log, maxConnections: 2, maxOfOneQube: 2, onCall });
  process.stderr.write('listening\n');
}
