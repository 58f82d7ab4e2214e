import { systemClock } from '../../lib/daemon/clock.ts';
import { openLog } from '../../lib/daemon/log.ts';
import { openNotify } from '../../lib/daemon/notify.ts';
import { stopSignal } from '../../lib/daemon/stop.ts';
import { policyOf } from '../policy/watch.ts';
import { onStdinEnd } from '../protocol/stdin-end.ts';
import { startBroker } from './broker.ts';
import { readBrokerConfig } from './config.ts';

const log = openLog('broker');
const file = process.argv[2];
if (file === undefined || process.argv.length !== 3) {
  log.error('usage: broker CONFIG.json');
  process.exit(2);
}
const stop = stopSignal();
const config = readBrokerConfig(file);
const policy = policyOf(config.policyDirectories, { clock: systemClock, log });
const broker = await startBroker({ config, policy, clock: systemClock, log });
policy.current();
process.on('SIGHUP', () => {
  const reload = async () => await broker.reconfigure(readBrokerConfig(file));
  reload().then(
    () => log.notice('reads its configuration again'),
    (error: unknown) => log.error('its configuration cannot be read again', { say: String(error) }),
  );
});
const notify = openNotify(systemClock);
notify.ready();
log.info('ready', { callers: Object.keys(config.callers).length });
const end = () => void broker.close().then(() => process.exit(0));
stop.addEventListener('abort', end);
onStdinEnd(end);
