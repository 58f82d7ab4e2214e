import { systemClock } from '../../lib/daemon/clock.ts';
import { openLog } from '../../lib/daemon/log.ts';
import { openNotify } from '../../lib/daemon/notify.ts';
import { stopSignal } from '../../lib/daemon/stop.ts';
import { startAgent } from './agent.ts';
import { readAgentConfig } from './config.ts';

const log = openLog('agent');
const file = process.argv[2];
if (file === undefined || process.argv.length !== 3) {
  log.error('usage: agent CONFIG.json');
  process.exit(2);
}
const stop = stopSignal();
const { doors } = readAgentConfig(file);
const agents = await Promise.all(
  doors.map((door) => startAgent(door, { clock: systemClock, log: log.child({ qube: door.qube }) })),
);
openNotify(systemClock).ready();
log.info('ready', { qubes: doors.map(({ qube }) => qube).join(',') });
stop.addEventListener('abort', () => {
  void Promise.all(agents.map((agent) => agent.close())).then(() => process.exit(0));
});
