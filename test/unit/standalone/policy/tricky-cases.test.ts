import { describe, expect, it } from 'vitest';
import { bUuid, call, dom0Uuid, inShort } from './qubes.ts';

/** The cases that the facts on qrexec policy list as tricky, each run against dom0's own parser. */
const cases: readonly (readonly [number, string, string, string])[] = [
  [1, 'S + a b allow', 'S+x a b', 'deny'],
  [1, 'S + a b allow', 'S a b', 'allow b'],
  [1, 'S +x a b allow', 'S a b', 'deny'],
  [1, 'S +x a b allow', 'S+x a b', 'allow b'],
  [1, 'S +x a b allow', 'S+xy a b', 'deny'],
  [1, 'S * a b allow', 'S a b', 'allow b'],
  [2, 'S * a @default allow target=b', 'S a b', 'deny'],
  [2, 'S * a @default allow target=b', 'S a nosuch', 'allow b'],
  [2, 'S * a @default allow target=b', "S a ''", 'allow b'],
  [3, 'S * a @anyvm allow', 'S a nosuch', 'deny'],
  [3, 'S * a @anyvm allow\nS * a @default allow target=b', 'S a @default', 'deny'],
  [5, 'S * a @anyvm allow', 'S a dom0', 'deny'],
  [5, 'S * a * allow', 'S a @adminvm', 'allow dom0'],
  [6, 'S * a @dispvm allow', 'S a @dispvm', 'allow @dispvm:dvm'],
  [6, 'S * a @dispvm allow', 'S a @dispvm:dvm', 'deny'],
  [6, 'S * a @dispvm:dvm allow', 'S a @dispvm', 'allow @dispvm:dvm'],
  [6, 'S * a @dispvm:dvm allow', 'S a @dispvm:dvm', 'allow @dispvm:dvm'],
  [7, 'S * b @dispvm allow', 'S b @dispvm', 'deny'],
  [8, 'S * a @anyvm allow', 'S a @dispvm:b', 'deny'],
  [9, 'S * a b allow\nS +x a b deny', 'S+x a b', 'allow b'],
  [10, 'S * a off allow autostart=no', 'S a off', 'deny'],
  [10, 'S * a off allow', 'S a off', 'allow off'],
  [10, 'S * a @dispvm allow autostart=no', 'S a @dispvm', 'deny'],
  [11, '* * @anyvm @anyvm allow target=b\n* * @anyvm b deny', 'S a off', 'allow b'],
  [12, 'S * a @type:AdminVM allow', 'S a dom0', 'allow dom0'],
  [12, 'S * a @type:AdminVM allow', 'S a @adminvm', 'deny'],
  [12, 'S * a dom0 allow', `S a uuid:${dom0Uuid}`, 'allow dom0'],
  [12, `S * a uuid:${dom0Uuid} allow`, 'S a @adminvm', 'allow dom0'],
  [12, `S * a uuid:${bUuid} allow`, 'S a b', 'allow b'],
  [12, 'S * a b allow', `S a uuid:${bUuid}`, 'allow b'],
  [13, 'S * a a allow', 'S a a', 'deny'],
  [14, 'S * @dispvm:dvm b allow', 'S disp1 b', 'deny'],
  [14, 'S * @type:DispVM b allow', 'S disp1 b', 'allow b'],
  [14, 'S * @tag:base b allow', 'S disp1 b', 'allow b'],
  [15, 'S * $anyvm b allow', 'S a b', 'deny'],
  [16, 'S * a a ask', 'S a a', 'deny'],
  [16, 'S * a hidden ask', 'S a hidden', 'deny'],
  [17, 'S * a b allow target=nosuch', 'S a b', 'deny'],
];

describe('tricky cases of qrexec policy', () => {
  it.each(cases)('case %i: %j and the call %j give %s', (_number, policy, asked, verdict) => {
    expect(inShort(call(policy, asked))).toBe(verdict);
  });

  it.each([
    'S * a @default allow',
    'S * a b deny autostart=no',
    'S * a b deny target=b',
    'S * a b allow default_target=b',
  ])('cases 4 and 18: %j is no policy at all', (policy) => {
    expect(() => call(policy, 'S a b')).toThrow(/^__main__\[in-memory\]:1: /);
  });
});
