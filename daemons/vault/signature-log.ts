import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isoTime, systemClock } from '../lib/daemon/clock.ts';

/** One line a signature, on the disk before the signature leaves, and to whoever keeps this service's messages. */
export async function logSignature(
  state: string,
  facts: Readonly<Record<string, string | number>>,
): Promise<void> {
  const words = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
  const line = `${isoTime(systemClock.now())} signed ${words.join(' ')}\n`;
  const file = await open(join(state, 'signatures.log'), 'a', 0o600);
  try {
    await file.write(line);
    await file.sync();
  } finally {
    await file.close();
  }
  process.stderr.write(line);
}
