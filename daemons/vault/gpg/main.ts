import { readSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../lib/daemon/clock.ts';
import { OpenPgpError } from '../../lib/openpgp/error.ts';
import { decodeCommand, headerBytes } from '../../lib/openpgp/split-gpg.ts';
import { logSignature } from '../signature-log.ts';
import { parseCommand, RefusedCommand } from './options.ts';
import { BrokenCall, serveCommand } from './serve.ts';

/**
 * Answers one `qubes.Gpg` call where there is no split GPG, for standalone: its standard streams are the call's. The
 * command comes in one read, as the real server wants it, and the signature leaves after it stands in the log.
 */
async function main(): Promise<number> {
  const state = process.env.STATE_DIRECTORY ?? '/var/lib/package-rebuilder/vault';
  const home = join(state, 'gnupg');
  const caller = process.env.QREXEC_REMOTE_DOMAIN ?? 'unknown';
  try {
    const header = Buffer.alloc(headerBytes);
    const length = readSync(0, header, 0, headerBytes, null);
    const command = parseCommand(decodeCommand(header.subarray(0, length)));
    await mkdir(home, { recursive: true, mode: 0o700 });
    await serveCommand(command, process.stdin, process.stdout, {
      home,
      clock: systemClock,
      onSigned: async ({ sha256, bytes, key }) => {
        const facts = { sha256, bytes, key, for: caller };
        process.stderr.write(await logSignature(state, systemClock.now(), facts));
      },
    });
    return 0;
  } catch (error) {
    if (!(error instanceof OpenPgpError || error instanceof RefusedCommand || error instanceof BrokenCall)) {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    return error instanceof BrokenCall ? error.status : 1;
  }
}

process.exit(await main());
