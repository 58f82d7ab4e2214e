import { describe, expect, it } from 'vitest';
import { passedSocket } from '../../../../daemons/lib/daemon/passed-socket.ts';

const pid = 4_711;
const passed = { LISTEN_PID: '4711', LISTEN_FDS: '2', LISTEN_FDNAMES: 'relay:door' };

describe('a socket that systemd passed', () => {
  it('is found by its name', () => {
    expect(passedSocket('relay', passed, pid)).toBe(3);
    expect(passedSocket('door', passed, pid)).toBe(4);
  });

  it.each([
    ['of another name', { ...passed, LISTEN_FDNAMES: 'relay:unknown' }],
    ['to another process', { ...passed, LISTEN_PID: '1' }],
    ['to nobody', {}],
    ['without names', { LISTEN_PID: '4711', LISTEN_FDS: '2' }],
    ['by a name that has no descriptor', { ...passed, LISTEN_FDS: '1' }],
    ['as no number', { ...passed, LISTEN_FDS: '-1' }],
    ['as nothing', { ...passed, LISTEN_FDS: '0' }],
  ])('%s is none of ours', (_, env) => {
    expect(passedSocket('door', env, pid)).toBeUndefined();
  });
});
