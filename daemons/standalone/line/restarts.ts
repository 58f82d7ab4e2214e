/** A role that dies is started again after this long. */
export const restartDelayMs = 1_000;
const burst = 5;
const intervalMs = 60_000;

/** Which roles may be started again: as with systemd's `StartLimitBurst`, not one that keeps dying. */
export class Restarts {
  readonly #times = new Map<string, readonly number[]>();

  /** Counts one more start of that name at `now`, in ms that never go back; false where it is one too many. */
  allows(name: string, now: number): boolean {
    const recent = (this.#times.get(name) ?? []).filter((time) => now - time < intervalMs);
    if (recent.length >= burst) return false;
    this.#times.set(name, [...recent, now]);
    return true;
  }
}
