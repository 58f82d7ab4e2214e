import type { History, Ledger } from '../port.ts';
import { Database } from './database.ts';
import { EmbeddedHistory } from './history.ts';
import { EmbeddedLedger } from './ledger.ts';
import { migrate } from './schema.ts';

/** Opens or makes the ledger's file, bringing one of an earlier version up to date. */
export function openEmbedded(path: string): { ledger: Ledger; history: History } {
  const db = Database.open(path);
  try {
    migrate(db);
    return { ledger: new EmbeddedLedger(db), history: new EmbeddedHistory(db) };
  } catch (error) {
    db.close();
    throw error;
  }
}
