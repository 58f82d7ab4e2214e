import { isoTime } from '../lib/daemon/clock.ts';

/** ECMA-262 21.4.1.1: no later time has a date. */
const latestTime = 8.64e15;

/** Wall time to the second, as pages and documents write it. */
export function shownTime(ms: number): string {
  return isoTime(Math.min(ms, latestTime)).replace(/\.\d+Z$/, 'Z');
}
