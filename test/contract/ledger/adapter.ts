import type { History, Ledger } from '../../../daemons/orchestrator/ledger/port.ts';

/** A way of keeping the ledger, as the contract's tests open it. */

export interface Opened {
  readonly ledger: Ledger;
  readonly history: History;
}

export interface Adapter {
  /** Opens an empty ledger. */
  open(): Promise<Opened>;
  /** Closes it and opens it again. */
  reopen(opened: Opened): Promise<Opened>;
  /** Removes it with all that belongs to it. */
  remove(opened: Opened): Promise<void>;
}
