import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { serveSocket } from '../../../daemons/lib/wire/serve.ts';

/** `serves PATH`: answers each call with who made it, on the passed socket `door` or else on PATH. */
await serveSocket({
  path: process.argv[2] ?? '',
  passed: 'door',
  clock,
  log: openLog('serves'),
  maxConnections: 10,
  maxOfOneQube: 10,
  async onCall({ service, source }, channel) {
    channel.end(`${service} for ${source}\n`);
  },
});
