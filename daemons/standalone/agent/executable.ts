import type { Log } from '../../lib/daemon/log.ts';
import { type SpawnedProgram, shellStatus } from '../../lib/daemon/program.ts';
import { messageKinds } from '../protocol/messages.ts';
import type { CallerInput, Channel } from './channel.ts';
import { StderrLog } from './stderr-log.ts';

/**
 * Joins a running service with its caller and ends the call: when stdout and stderr are at their ends, whoever held
 * them, and the process is reaped (libqrexec/process_io.c). A caller that is lost closes the service's streams.
 */
export async function serveProgram(
  program: SpawnedProgram,
  channel: Channel,
  options: Readonly<{ log: Log; tag: string; status?: (status: number) => number }>,
): Promise<void> {
  const log = new StderrLog(options.log, options.tag);
  const hangUp = () => {
    program.stdin.destroy();
    program.stdout.destroy();
    program.stderr.destroy();
  };
  channel.lost.addEventListener('abort', hangUp, { once: true });
  channel.connected(feed(program, channel));
  const [ended] = await Promise.all([
    program.exited,
    channel.forward(messageKinds.stdout, program.stdout),
    channel.forward(messageKinds.stderr, program.stderr, (chunk) => log.add(chunk)),
  ]);
  log.end();
  program.stdin.destroy();
  const status = shellStatus(ended);
  channel.exit(options.status?.(status) ?? status);
}

/** What the caller sends goes to the service; what comes after the service closed its stdin is dropped. */
function feed(program: SpawnedProgram, channel: Channel): CallerInput {
  const { stdin } = program;
  stdin.on('drain', () => channel.resume());
  stdin.on('error', () => {});
  stdin.once('close', () => channel.resume());
  return {
    data: (chunk) => !stdin.writable || stdin.write(chunk),
    end: () => void (stdin.writable && stdin.end()),
  };
}
