import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

/** Debian's own Python: the one that has its in-toto and securesystemslib. */
export const python = '/usr/bin/python3';
/** The one that has the newest of both (in-toto/newest.txt). */
export const newestPython = resolve('build/in-toto/bin/python');

/** Runs a script on one JSON value and reads the JSON it prints: many cases, one process. */
export function askPython(
  script: string,
  input: unknown,
  env: Readonly<Record<string, string>> = {},
  program: string = python,
): unknown {
  const output = execFileSync(program, ['-c', script], {
    input: JSON.stringify(input),
    env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return JSON.parse(output);
}
