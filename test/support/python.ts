import { execFileSync } from 'node:child_process';

/** Debian's own Python: the one that has in-toto and securesystemslib. */
export const python = '/usr/bin/python3';

/** Runs a script on one JSON value and reads the JSON it prints: many cases, one process. */
export function askPython(
  script: string,
  input: unknown,
  env: Readonly<Record<string, string>> = {},
): unknown {
  const output = execFileSync(python, ['-c', script], {
    input: JSON.stringify(input),
    env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return JSON.parse(output);
}
