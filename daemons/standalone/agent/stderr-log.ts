import type { Log } from '../../lib/daemon/log.ts';

/** What one call may write into the log; the caller gets everything. */
const maxLoggedBytes = 65_536;
const maxLine = 1_000;

/** A service's stderr as lines of the agent's log, under the tag that qrexec gives them: `service+argument-SOURCE`. */
export class StderrLog {
  #left = maxLoggedBytes;
  #line = '';

  constructor(
    readonly log: Log,
    readonly tag: string,
  ) {}

  add(chunk: Buffer): void {
    if (this.#left <= 0) return;
    const lines = (this.#line + chunk.subarray(0, this.#left).toString('utf8')).split('\n');
    this.#left -= chunk.length;
    this.#line = (lines.pop() ?? '').slice(0, maxLine);
    for (const line of lines) this.#tell(line);
    if (this.#left <= 0) {
      this.end();
      this.log.notice('the rest of its stderr is not logged', { service: this.tag });
    }
  }

  end(): void {
    this.#tell(this.#line);
    this.#line = '';
  }

  #tell(line: string): void {
    if (line.trim() !== '') this.log.info(line.slice(0, maxLine), { service: this.tag });
  }
}
