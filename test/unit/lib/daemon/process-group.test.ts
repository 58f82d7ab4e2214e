import { afterEach, describe, expect, it, vi } from 'vitest';
import { ProcessGroup } from '../../../../daemons/lib/daemon/process-group.ts';
import { isAlive, startLines } from '../../../support/processes.ts';

const groups: ProcessGroup[] = [];
function groupOf(pid: number | undefined): ProcessGroup {
  const group = new ProcessGroup(pid);
  groups.push(group);
  return group;
}
afterEach(() => {
  for (const group of groups.splice(0)) group.forget();
});

describe('a process group', () => {
  it('gets its signals with all that is in it', async () => {
    const { program, line } = startLines('setsid', ['sh', '-c', 'sleep 600 & echo $$ $!; wait']);
    const [leader = 0, child = 0] = ((await line()) ?? '').split(' ').map(Number);
    expect([leader, child].every(isAlive)).toBe(true);
    groupOf(leader).kill('SIGTERM');
    expect(await program.exited).toEqual({ code: null, signal: 'SIGTERM' });
    await expect.poll(() => isAlive(child), { timeout: 10_000 }).toBe(false);
  });

  it('that is gone, or never was, can be killed without harm', async () => {
    const { program, line } = startLines('setsid', ['sh', '-c', 'echo $$']);
    const pid = Number(await line());
    await program.exited;
    expect(() => groupOf(pid).kill('SIGKILL')).not.toThrow();
    expect(() => groupOf(undefined).kill('SIGKILL')).not.toThrow();
  });

  it('leaves nothing with this process once it is forgotten', async () => {
    // A copy of its own: other groups of this process may live.
    vi.resetModules();
    const copy = await import('../../../../daemons/lib/daemon/process-group.ts');
    const before = process.listenerCount('exit');
    const [one, two] = [new copy.ProcessGroup(undefined), new copy.ProcessGroup(undefined)];
    expect(process.listenerCount('exit')).toBe(before + 1);
    one.forget();
    expect(process.listenerCount('exit')).toBe(before + 1);
    two.forget();
    two.forget();
    expect(process.listenerCount('exit')).toBe(before);
  });
});
