import { basename, dirname, join } from 'node:path';
import { systemClock as clock } from '../lib/daemon/clock.ts';
import { spawnProgram } from '../lib/daemon/program.ts';
import { codes, formatMessage } from './apt/message.ts';
import { relay } from './apt/relay.ts';
import { Method } from './method.ts';
import { Report } from './report.ts';
import { serveJudge } from './serve-judge.ts';

/**
 * apt's method `intoto`, and `intoto+https` where it is called so: fetches by apt's own http method, which stands beside
 * it, and hands on a package once rebuilders vouch for it. With the argument `judge` it is the part that asks them.
 */

/** As apt's own methods end. */
const failedStatus = 100;
const judgeArgument = 'judge';

const [, self = 'intoto', part] = process.argv;
const { env } = process;
// Pipes are written at once: what was sent is there before the process ends.
const send = (message: Buffer) => void process.stdout.write(message);
const report = new Report(send, (line) => void process.stderr.write(line));

function startMethod(): Promise<void> {
  const variables = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const http = spawnProgram(join(dirname(self), 'http'), [], {
    // By this name it tells http from https, and keeps redirects within this method (apt: methods/http.cc).
    argv0: basename(self),
    env: Object.fromEntries(variables),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  process.once('exit', () => http.kill('SIGINT'));
  const method = new Method({ judge: [process.execPath, self, judgeArgument], report, send, env });
  return relay({ apt: { input: process.stdin, send }, http, between: method });
}

process.stdout.on('error', () => process.exit(0));
// So apt ends its methods.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));

const started =
  part === judgeArgument ? serveJudge({ input: process.stdin, send, report, clock, env }) : startMethod();
started.then(
  () => process.exit(0),
  (error: Error) => {
    send(formatMessage(codes.generalFailure, error.message));
    process.exit(failedStatus);
  },
);
