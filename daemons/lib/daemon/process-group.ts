import { systemClock } from './clock.ts';

const killAfterMs = 2_000;

const liveGroups = new Set<ProcessGroup>();

/** A program started as leader of its own process group, and all it started there. */
export class ProcessGroup {
  constructor(readonly pid: number | undefined) {
    if (liveGroups.size === 0) process.once('exit', killLiveGroups);
    liveGroups.add(this);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Asks it to end, then makes it. */
  async end(): Promise<void> {
    this.kill('SIGTERM');
    await systemClock.sleep(killAfterMs);
    if (liveGroups.has(this)) this.kill('SIGKILL');
  }

  forget(): void {
    liveGroups.delete(this);
    if (liveGroups.size === 0) process.off('exit', killLiveGroups);
  }
}

function killLiveGroups(): void {
  for (const group of liveGroups) group.kill('SIGKILL');
}
