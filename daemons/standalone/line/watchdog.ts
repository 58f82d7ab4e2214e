import type { Clock } from '../../lib/daemon/clock.ts';

/** As systemd's `WatchdogSec=`: whoever was ready and then says nothing for so long hangs (sd_watchdog_enabled(3)). */
export class Watchdog {
  readonly #waits = new Map<string, AbortController>();

  constructor(
    readonly clock: Clock,
    readonly periodMs: number,
    readonly onHang: (member: string) => void,
  ) {}

  feed(member: string): void {
    this.forget(member);
    const wait = new AbortController();
    this.#waits.set(member, wait);
    this.clock.sleep(this.periodMs, wait.signal).then(
      () => this.onHang(member),
      () => {},
    );
  }

  /** That member has ended, or is to end. */
  forget(member: string): void {
    this.#waits.get(member)?.abort();
    this.#waits.delete(member);
  }

  close(): void {
    for (const member of [...this.#waits.keys()]) this.forget(member);
  }
}
