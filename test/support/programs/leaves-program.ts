import { run } from '../../../daemons/lib/daemon/program.ts';

/**
 * `leaves-program FILE`: runs a program that starts another, whose process id it writes to FILE; ends with its input,
 * and waits for neither.
 */
const [file = ''] = process.argv.slice(2);
void run('sh', ['-c', 'sleep 600 & echo $! > "$1"; wait', 'sh', file], { timeoutMs: 600_000 }).catch(
  () => {},
);
process.stdin.on('end', () => process.exit(0)).resume();
