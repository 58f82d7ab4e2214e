import { join } from 'node:path';
import { systemClock } from '../lib/daemon/clock.ts';
import { openLog } from '../lib/daemon/log.ts';
import { stopSignal } from '../lib/daemon/stop.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { clientBeside } from '../lib/wire/client-program.ts';
import { runCommand } from './program.ts';
import { openTerminal } from './terminal.ts';

const log = openLog('rebuilderctl');
const installed = import.meta.dirname;
// Who reads the answer may have had enough of it, as `head` has: then it is as if they had pressed Ctrl-C.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.kill(process.pid, 'SIGINT');
});
const terminal = openTerminal(process.stdout, process.stderr, process.env);
process.exitCode = await runCommand(process.argv.slice(2), {
  caller: qrexecCaller({ clock: systemClock, log }),
  callerAt: (socket) => {
    process.env.QREXEC_AGENT_SOCKET = socket;
    return qrexecCaller({ clock: systemClock, log, program: clientBeside(installed) });
  },
  programs: { line: join(installed, 'line.js') },
  clock: systemClock,
  log,
  terminal,
  stop: stopSignal(),
  env: process.env,
});
