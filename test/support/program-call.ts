import { spawn } from 'node:child_process';
import type { RawCall } from '../../daemons/lib/wire/call.ts';

/** A call that is answered by a program here, which gets these variables and the PATH. */
export function programCall(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): RawCall {
  const [program, ...args] = command;
  const child = spawn(program, args, { env: { PATH: process.env.PATH, ...env } });
  child.stdin.on('error', () => {});
  const exited = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 255)));
  const { stdin, stdout, stderr } = child;
  return { stdin, stdout, stderr, exited, kill: () => child.kill('SIGKILL') };
}
