import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../lib/daemon/clock.ts';
import { logSignature } from '../signature-log.ts';
import { startAgent } from './agent.ts';
import { FilteredCommand } from './commands.ts';
import { LineTooLong } from './lines.ts';
import { serveConnection } from './serve.ts';

/** Answers one `qubes.Gpg2` call where there is no split-gpg2, for standalone: its standard streams are gpg's connection. */
async function main(): Promise<void> {
  const state = process.env.STATE_DIRECTORY ?? '/var/lib/package-rebuilder/vault';
  const home = join(state, 'gnupg');
  const caller = process.env.QREXEC_REMOTE_DOMAIN ?? 'unknown';
  await mkdir(home, { recursive: true, mode: 0o700 });
  try {
    await serveConnection(process.stdin, process.stdout, {
      agent: await startAgent(home),
      onSigned: async ({ keygrip, digest }) => {
        const facts = { digest, keygrip, for: caller };
        process.stderr.write(await logSignature(state, systemClock.now(), facts));
      },
    });
  } catch (error) {
    if (!(error instanceof FilteredCommand || error instanceof LineTooLong)) throw error;
    // split-gpg2 ends with 0 all the same: what there is to say, it has said to gpg.
    process.stderr.write(`${error.message}\n`);
  }
}

await main();
