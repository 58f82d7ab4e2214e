import { openLog } from '../../../daemons/lib/daemon/log.ts';

/** Logs one line of each severity to standard error, as its environment wants it. */
const log = openLog('tester');
for (const severity of ['debug', 'info', 'notice', 'warning', 'error'] as const) log[severity]('said');
