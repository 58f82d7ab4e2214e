import { mkdir } from 'node:fs/promises';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { Spawn } from '../../lib/daemon/forker.ts';
import type { Log } from '../../lib/daemon/log.ts';
import { OpenPgpError } from '../../lib/openpgp/error.ts';
import { decodeCommand, headerBytes } from '../../lib/openpgp/split-gpg.ts';
import type { RelayedCall } from '../relay/relayed-call.ts';
import type { SignatureLog } from '../signature-log.ts';
import { parseCommand, RefusedCommand } from './options.ts';
import { BrokenCall, serveCommand } from './serve.ts';

export interface GpgOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly signatures: SignatureLog;
  readonly spawn: Spawn;
  readonly home: string;
}

/**
 * Answers one `qubes.Gpg` call where there is no split GPG, for standalone. The command comes in one read, as the real
 * server wants it, and the signature leaves after it stands in the log.
 *
 * @returns the exit status
 */
export async function answerGpg(call: RelayedCall, options: GpgOptions): Promise<number> {
  const { clock, log, signatures, spawn, home } = options;
  try {
    const input = call.input[Symbol.asyncIterator]();
    const { value: first = Buffer.alloc(0) } = await input.next();
    const command = parseCommand(decodeCommand(first.subarray(0, headerBytes)));
    await mkdir(home, { recursive: true, mode: 0o700 });
    await serveCommand(command, after(first.subarray(headerBytes), input), call.stdout, {
      home,
      clock,
      spawn,
      onSigned: async ({ sha256, bytes, key }) => {
        const facts = { sha256, bytes, key, for: call.source };
        await signatures.add(clock.now(), facts);
        log.notice('signed', { sha256, bytes, key, qube: call.source });
      },
    });
    return 0;
  } catch (error) {
    if (!(error instanceof OpenPgpError || error instanceof RefusedCommand || error instanceof BrokenCall)) {
      throw error;
    }
    call.say(`${error.message}\n`);
    return error instanceof BrokenCall ? error.status : 1;
  }
}

async function* after(rest: Buffer, input: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (rest.length > 0) yield rest;
  for (let next = await input.next(); !next.done; next = await input.next()) yield next.value;
}
