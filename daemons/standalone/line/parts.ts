import type { Clock } from '../../lib/daemon/clock.ts';
import type { Log } from '../../lib/daemon/log.ts';
import type { Owner } from './users.ts';

/** What a line is started with and made of, beside what was asked for. */
export interface LineParts {
  readonly clock: Clock;
  readonly log: Log;
  /** The folder of the bundled programs. */
  readonly lib: string;
  /** The folder of `policy`, `services` and `rpc-config`. */
  readonly qrexec: string;
  /** The client that roles call with. */
  readonly client: string;
  readonly node: string;
  readonly me: Owner;
  /** Aborted when the line is to end. */
  readonly stop: AbortSignal;
  /** Called when the line is to look again at which hosts have joined: for its life. */
  onReload(again: () => void): void;
  /** Aborted when it is to end without waiting for what its members still do. */
  readonly atOnce: AbortSignal;
}
