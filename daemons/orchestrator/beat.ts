import type { Office } from './doors/office.ts';
import { feedJob, reportJob } from './jobs.ts';
import type { Ms } from './ledger/port.ts';

/** How often leases and due times are looked at. */
export const tickMs = 1_000;
/** How often ledger time is stored though nothing else was, and room is looked for. */
const slowTickMs = 60_000;

type BeatOffice = Pick<
  Office,
  'ledger' | 'history' | 'time' | 'clock' | 'log' | 'wakeups' | 'room' | 'settings' | 'expand'
>;

/** What happens without anyone's asking: feeds are read, pages made, leases lapse, retries come due. */
export class Beat {
  readonly #office: BeatOffice;
  /** When each dist is read next. */
  readonly #feeds = new Map<string, Ms>();
  #report: Ms;
  #slow: Ms;
  #looked: Ms;

  private constructor(office: BeatOffice, now: Ms) {
    this.#office = office;
    this.#report = now + office.settings.reportEveryMs;
    this.#slow = now + slowTickMs;
    this.#looked = now;
  }

  /** A dist that was never read is read at once: so does an empty ledger get its first feed. */
  static async start(office: BeatOffice): Promise<Beat> {
    const now = office.time.now().ms;
    const beat = new Beat(office, now);
    const read = new Map((await office.history.feeds()).map((feed) => [feed.dist, feed.lastMs]));
    for (const { dist, everyMs } of office.settings.dists) {
      const last = read.get(dist);
      beat.#feeds.set(dist, last === undefined ? now : last + everyMs);
    }
    return beat;
  }

  /** Until the signal aborts. An error of one turn goes to the log; the next turn comes. */
  async run(stop: AbortSignal): Promise<void> {
    const { clock, log } = this.#office;
    while (!stop.aborted) {
      try {
        await this.turn();
      } catch (error) {
        log.error('beat failed', { say: String(error) });
      }
      await clock.sleep(tickMs, stop).catch(() => {});
    }
  }

  /** All that is due now. */
  async turn(): Promise<void> {
    const { ledger, history, time, log, wakeups } = this.#office;
    const now = time.now();
    const lapsed = await ledger.lapse(now);
    if (lapsed > 0) log.warning('workers were lost, their jobs wait again', { jobs: lapsed });
    await this.#submitDue();
    wakeups.wake(await history.due(this.#looked, now.ms));
    this.#looked = now.ms;
    if (now.ms < this.#slow) return;
    this.#slow = now.ms + slowTickMs;
    await ledger.submit([], now);
    await this.#office.room.tidy();
    this.#office.expand();
  }

  async #submitDue(): Promise<void> {
    const { ledger, time, settings, wakeups } = this.#office;
    const now = time.now();
    for (const { dist, everyMs } of settings.dists) {
      if ((this.#feeds.get(dist) ?? 0) > now.ms) continue;
      this.#feeds.set(dist, now.ms + everyMs);
      await ledger.submit([feedJob(dist)], now);
      wakeups.wake(['get']);
    }
    if (settings.dists.length === 0 || this.#report > now.ms) return;
    this.#report = now.ms + settings.reportEveryMs;
    await ledger.submit([reportJob()], now);
    wakeups.wake(['report']);
  }
}
