import { stopSignal } from '../../../daemons/lib/daemon/stop.ts';

/** Says when it is ready, and why it was told to stop as often as it hears of it; ends with its input. */
const signal = stopSignal();
if (signal !== stopSignal()) throw new Error('two signals');
signal.addEventListener('abort', () => {
  process.stdout.write(`${signal.reason.name}: ${signal.reason.message}\n`);
});
process.stdin.on('end', () => process.stdout.write('ended\n')).resume();
process.stdout.write('ready\n');
