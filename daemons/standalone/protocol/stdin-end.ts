import { fstatSync } from 'node:fs';

/**
 * Calls back when whoever started this process has gone, as the end of its standard input tells. Of a terminal or
 * /dev/null, which say nothing about it, no notice is taken.
 */
export function onStdinEnd(callback: () => void): void {
  const stdin = fstatSync(0);
  if (!stdin.isFIFO() && !stdin.isSocket()) return;
  process.stdin.once('close', callback);
  process.stdin.resume();
}
